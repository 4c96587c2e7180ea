"""Our PostgreSQL image: what a container of it promises to the quickstart and to the other tests."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path
from signal import SIGINT, SIGKILL, SIGTERM, Signals
from typing import Any

import pytest

from tests.support import postgres
from tests.support.gateway import write
from tests.support.lab import Box, Finished, Lab, Spec, hardened, wait_until

DATA = "/var/lib/postgresql/data"
PASSWORD = secrets.token_hex(24)
VERSIONS = pytest.mark.parametrize("version", [15, 17])


def specify(lab: Lab, version: int, env: Mapping[str, str], **others: Any) -> Spec:
    """A container of the image, hardened, as its own user."""
    switches: dict[str, Any] = {**hardened(postgres.WRITABLE), "user": None}
    return Spec(**{**switches, "image": postgres.image(lab, version), "env": env, **others})


def refused(lab: Lab, env: Mapping[str, str], **others: Any) -> Finished:
    done = lab.once(specify(lab, 17, env, **others))
    assert done.code == 64, done.output
    assert "  why: " in done.stderr
    assert "  fix: " in done.stderr
    return done


def ready(box: Box) -> Box:
    wait_until(f"PostgreSQL; log: {box.logs()}", lambda: box.exec(["pg_isready", "-q", "-h", "127.0.0.1"]).code == 0)
    return box


def logged_in(box: Box, user: str, password: str, database: str, text: str, host: str = "127.0.0.1") -> str:
    """What psql prints for `text`; over the socket when `host` is its folder."""
    given = [f"PGPASSWORD={password}", f"PGUSER={user}", f"PGDATABASE={database}", f"PGHOST={host}"]
    return box.exec(["env", *given, "psql", "-X", "-At", "-c", text]).output.strip()


@VERSIONS
def test_it_is_the_version_that_its_name_says_and_safe_by_default(lab: Lab, version: int) -> None:
    server = postgres.start(lab, lab.network(internal=True), version)
    assert server.sql("SHOW server_version").startswith(f"{version}.")
    assert server.sql("SHOW data_checksums") == "on"
    assert server.sql("SHOW password_encryption") == "scram-sha-256"
    assert server.sql("SHOW server_encoding") == "UTF8"
    assert set(server.sql("SELECT auth_method FROM pg_hba_file_rules").splitlines()) == {"scram-sha-256"}
    assert server.exec("id", "-u") == "999"
    for host in ("127.0.0.1", "/run/postgresql"):
        assert "password authentication failed" in logged_in(server.box, "postgres", "wrong", "postgres", "", host)
    assert server.password not in server.box.logs()


@VERSIONS
def test_a_stop_ends_it_cleanly_while_a_client_is_connected(lab: Lab, version: int) -> None:
    server = postgres.start(lab, lab.network(internal=True), version)
    server.sql("CREATE TABLE kept AS SELECT 7 AS number")
    server.box.container.exec_run(
        ["psql", "-h", "127.0.0.1", "-U", "postgres", "-c", "SELECT pg_sleep(600)"],
        environment={"PGPASSWORD": server.password}, detach=True,
    )  # fmt: skip
    sleeping = "SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(600)'"
    wait_until("a client in the middle of a query", lambda: server.sql(sleeping) == "1")
    server.stop()
    assert server.box.wait() == 0
    assert "database system is shut down" in server.box.logs()
    server.start()
    assert server.sql("SELECT number FROM kept") == "7"
    assert "not properly shut down" not in server.box.logs()


def test_committed_data_survives_a_kill(lab: Lab) -> None:
    server = postgres.start(lab, lab.network(internal=True))
    server.sql("CREATE TABLE kept AS SELECT 7 AS number")
    # Left behind by the kill; any other number may be another process's after the next start.
    assert server.exec("head", "-n", "1", f"{DATA}/postmaster.pid") == "1"
    server.kill()
    server.start()
    assert server.sql("SELECT number FROM kept") == "7"


def test_user_database_and_password_are_taken_as_they_are(lab: Lab, tmp_path: Path) -> None:
    password = "p\"w' $HOME \\ ü"
    secret = write(tmp_path, "password", password + "\n")
    env = {"POSTGRES_USER": "li te", "POSTGRES_DB": 'a"b', "POSTGRES_PASSWORD_FILE": "/run/secrets/password"}
    box = ready(lab.start(specify(lab, 17, env, files={"/run/secrets/password": secret})))
    assert logged_in(box, "li te", password, 'a"b', "SELECT current_database()") == 'a"b'
    assert password not in box.logs()


@pytest.mark.parametrize("signal", [SIGKILL, SIGTERM, SIGINT])
def test_a_first_start_that_was_interrupted_is_taken_up_again(lab: Lab, signal: Signals) -> None:
    box = lab.start(specify(lab, 17, {"POSTGRES_PASSWORD": PASSWORD}))

    def half_made() -> bool:
        assert box.running, box.logs()
        return box.exec(["test", "-e", f"{DATA}/unfinished/PG_VERSION"]).code == 0

    wait_until("the middle of the first start", half_made)
    box.signal(signal.name)
    assert box.wait() == (128 + SIGKILL if signal == SIGKILL else 128 + SIGTERM)
    box.container.start()
    ready(box)
    assert logged_in(box, "postgres", PASSWORD, "postgres", "SELECT 1") == "1"
    assert box.exec(["ls", f"{DATA}/unfinished"]).code != 0


def test_without_a_password_there_is_no_database(lab: Lab) -> None:
    assert "POSTGRES_PASSWORD" in refused(lab, {}).stderr
    assert "POSTGRES_PASSWORD" in refused(lab, {"POSTGRES_PASSWORD": ""}).stderr
    done = refused(lab, {"POSTGRES_PASSWORD": f"{PASSWORD}\nsecond"})
    assert PASSWORD not in done.output


def test_root_is_refused(lab: Lab) -> None:
    assert "999:999" in refused(lab, {"POSTGRES_PASSWORD": PASSWORD}, user="0:0").stderr


def test_a_folder_of_something_else_is_left_alone(lab: Lab) -> None:
    command = ("sh", "-c", f"echo mine >{DATA}/file; entrypoint.sh postgres; code=$?; cat {DATA}/file; exit $code")
    done = refused(lab, {"POSTGRES_PASSWORD": PASSWORD}, command=command)
    assert "holds files but no PG_VERSION" in done.stderr
    assert done.stdout == "mine\n"


def test_another_versions_database_is_refused(lab: Lab) -> None:
    command = ("sh", "-c", f"echo 15 >{DATA}/PG_VERSION; exec entrypoint.sh postgres")
    done = refused(lab, {"POSTGRES_PASSWORD": PASSWORD}, command=command)
    assert "version 15" in done.stderr
    assert "17" in done.stderr


@VERSIONS
def test_the_image_says_when_it_is_healthy(lab: Lab, version: int) -> None:
    server = postgres.start(lab, lab.network(internal=True), version)
    wait_until("a healthy state", lambda: server.box.health == "healthy")


@VERSIONS
def test_nothing_can_be_installed_and_no_file_gains_rights(lab: Lab, version: int) -> None:
    spec = Spec(image=postgres.image(lab, version), user="0", entrypoint=("sh", "-c"))
    found = lab.once(
        Spec(**{**vars(spec), "command": ("find / -xdev -perm /6000 ! -type d; command -v apt perl su mount; true",)})
    )
    assert found.stdout == ""
    keys = lab.once(Spec(**{**vars(spec), "command": ("grep -rl 'PRIVATE KEY' /etc /var /home /root; true",)}))
    assert keys.stdout == ""
