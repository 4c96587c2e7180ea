"""A database that cannot be used ends the start in time, with the last error, a hint and no secret."""

from __future__ import annotations

import secrets
from signal import SIGTERM

import pytest

from tests.database.support import Site, assert_refused
from tests.support.lab import wait_until

PASSWORD = f"p{secrets.token_hex(12)}"
SOON = {"SLIPWAY_DATABASE_WAIT_SECONDS": "2"}


@pytest.mark.parametrize("command", ["serve", "migrate"])
@pytest.mark.parametrize(
    ("place", "named"),
    [
        ("nowhere:5432/x", ["nowhere"]),
        ("postgres:1/x", ["refused", "SLIPWAY_DATABASE_WAIT_SECONDS"]),
        ("postgres:5432/absent", ["password authentication failed", "Percent-encode"]),
    ],
)
def test_an_unusable_database_ends_the_start(site: Site, command: str, place: str, named: list[str]) -> None:
    url = f"postgresql://postgres:{PASSWORD}@{place}"
    done = site.run("x", command, env={**SOON, "DATABASE_URL": url})
    assert_refused(done, 68, "DATABASE_URL", *named, secret=[PASSWORD])


@pytest.mark.parametrize("sign", ["@", "/", "#", "%z"])
def test_a_password_that_nobody_encoded_is_recognized(site: Site, sign: str) -> None:
    url = f"postgresql://postgres:{PASSWORD}{sign}more@postgres:5432/x"
    done = site.run("x", "serve", env={"DATABASE_URL": url})
    assert_refused(done, 65, "DATABASE_URL", "Percent-encode", secret=[PASSWORD])


def test_a_missing_database_is_named(site: Site) -> None:
    done = site.run("absent_database", "migrate", env=SOON)
    assert_refused(done, 68, 'database "absent_database" does not exist')


def test_a_database_that_comes_up_later_is_waited_for(site: Site) -> None:
    name = f"later_{secrets.token_hex(4)}"
    box = site.lab.start(site.spec(name, "migrate", env={"SLIPWAY_DATABASE_WAIT_SECONDS": "60"}))
    wait_until("the launcher waits", lambda: "waiting for the database" in box.logs())
    site.postgres.sql(f"CREATE DATABASE {name}")
    assert box.wait() == 0, box.logs()


def test_a_job_that_is_stopped_is_no_success(site: Site) -> None:
    env = {"SLIPWAY_DATABASE_WAIT_SECONDS": "60"}
    box = site.lab.start(site.spec("absent_database", "migrate", env=env))
    wait_until("the launcher waits", lambda: "waiting for the database" in box.logs())
    box.signal("TERM")
    assert box.wait() == 128 + SIGTERM, box.logs()


def test_parts_with_every_sign_in_the_password_reach_the_database(site: Site) -> None:
    password = "p@ss/w:rd?#%&+ é'\""
    site.postgres.sql("CREATE ROLE odd SUPERUSER LOGIN PASSWORD 'p@ss/w:rd?#%&+ é''\"'")
    parts: dict[str, str | None] = {
        "DATABASE_URL": None,
        "DATABASE_HOST": "postgres:5432",
        "DATABASE_USERNAME": "odd",
        "DATABASE_PASSWORD": password,
        "DATABASE_NAME": site.database(),
    }
    done = site.run("x", "migrate", env=parts)
    assert done.code == 0, done.output


def test_more_connections_than_the_database_accepts_are_refused(site: Site, migrated: str) -> None:
    done = site.run(migrated, "serve", env={"NUM_WORKERS": "4", "SLIPWAY_REPLICAS": "5"})
    assert_refused(done, 74, "4 workers x 5 replicas x 10 connections = 200", "max_connections", "DIRECT_URL")


def test_a_worker_that_cannot_be_prepared_does_not_serve(site: Site, migrated: str) -> None:
    done = site.run(migrated, "serve", env={"DATABASE_URL_READ_REPLICA": "mysql://nowhere/x"})
    assert done.code != 0, done.output
    assert "DATABASE_URL_READ_REPLICA" in done.stderr
    assert "startup complete" not in done.output


def test_a_leftover_variable_is_told_to_be_without_effect(site: Site) -> None:
    done = site.run("x", "serve", env={**SOON, "DATABASE_URL": "postgresql://a:b@nowhere/x", "USE_PRISMA_MIGRATE": "1"})
    assert "USE_PRISMA_MIGRATE has no effect" in done.stderr
