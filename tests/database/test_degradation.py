"""A database that is away when the gateway starts: tolerated and made up for where the config says so, else refused."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from tests.database.support import PRICED, Site, assert_no_stray_engine, assert_refused
from tests.support import gateway, postgres
from tests.support.gateway import MANAGEMENT_PORT, MASTER_KEY, PORT, Gateway
from tests.support.lab import Lab, wait_until
from tests.support.processes import tree

WAIT_SECONDS = 3
UNKNOWN = "sk-nobody-knows-this-key"
ASKED = {"model": "mock", "messages": [{"role": "user", "content": "hello"}]}
# Preparing the database takes seconds then, so that whoever comes too early is seen.
SLOW = """
CREATE FUNCTION slow() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.03); END $$;
CREATE EVENT TRIGGER slow ON ddl_command_start EXECUTE FUNCTION slow();
"""
TOLERANT = "general_settings:\n  allow_requests_on_db_unavailable: true\n  proxy_batch_write_at: 1\n"


@pytest.fixture
def away(lab: Lab) -> tuple[Site, str]:
    """A PostgreSQL that is stopped, and the name of an empty database in it."""
    network = lab.network()
    site = Site(lab, network, postgres.start(lab, network))
    database = site.database()
    site.postgres.sql(SLOW, database)
    site.postgres.stop()
    return site, database


def start(site: Site, database: str, directory: Path, config: str) -> Gateway:
    """Start a gateway that waits for its database for a short time only."""
    files = {gateway.CONFIG_PATH: gateway.write(directory, "config.yaml", config)}
    env = {"SLIPWAY_DATABASE_WAIT_SECONDS": str(WAIT_SECONDS)}
    arguments = ("--config", gateway.CONFIG_PATH)
    spec = site.spec(database, *arguments, env=env, files=files, ports=(PORT, MANAGEMENT_PORT))
    return Gateway(site.lab.start(spec))


def server_of(running: Gateway) -> int:
    """The server's process, which has the one that prepares the database beside it."""
    found = tree(running.box)
    (pid,) = (process.pid for process in found.below(found.root) if "slipway.servers.run" in process.argv)
    return pid


def ask(running: Gateway, key: str) -> httpx.Response:
    headers = {"Authorization": f"Bearer {key}"}
    return httpx.post(f"{running.url}/v1/chat/completions", json=ASKED, headers=headers, timeout=60)


def new_key(running: Gateway, **wanted: object) -> httpx.Response:
    headers = {"Authorization": f"Bearer {MASTER_KEY}"}
    return httpx.post(f"{running.url}/key/generate", json=wanted, headers=headers, timeout=60)


def test_a_gateway_starts_without_its_database_and_prepares_it_later(away: tuple[Site, str], tmp_path: Path) -> None:
    site, database = away
    running = start(site, database, tmp_path, PRICED + TOLERANT)
    gateway.wait_ready(running)
    server = server_of(running)
    assert running.get("/health/readiness").status_code == 200
    assert ask(running, MASTER_KEY).status_code == 200
    # Nobody can tell whether a key is valid, so the documented degradation serves it.
    assert ask(running, UNKNOWN).status_code == 200
    assert new_key(running).status_code >= 500
    site.postgres.start()
    wait_until("a key, once the database is there", lambda: new_key(running).status_code == 200, 120)
    # Not before, from tables that are half there.
    assert "the database is back and prepared" in running.box.logs()
    assert server_of(running) == server
    assert running.management("/readyz").status_code == 200
    _key_and_budget_errors_block(running)
    key = new_key(running).json()["key"]
    request = ask(running, key).json()["id"]
    rows = f"SELECT count(*) FROM \"LiteLLM_SpendLogs\" WHERE request_id = '{request}'"
    wait_until("the row of a request", lambda: site.postgres.sql(rows, database) == "1", 60)
    assert_no_stray_engine(running.box)


def _key_and_budget_errors_block(running: Gateway) -> None:
    """While the database answers, the same gateway refuses what it finds there to be wrong."""
    assert ask(running, UNKNOWN).status_code == 401
    key = new_key(running, max_budget=0.0001).json()["key"]
    assert ask(running, key).status_code == 200
    wait_until("the end of the budget", lambda: ask(running, key).is_client_error, 60)
    assert "Budget has been exceeded" in ask(running, key).text


def test_a_gateway_that_may_not_serve_without_its_database_ends_in_time(away: tuple[Site, str], tmp_path: Path) -> None:
    site, database = away
    done = start(site, database, tmp_path, PRICED).box.finished()
    assert_refused(done, 68, "DATABASE_URL", "SLIPWAY_DATABASE_WAIT_SECONDS")
    # Beyond the wait it is the launcher's own time, generous for a busy machine.
    assert done.seconds < WAIT_SECONDS + 15


def test_whoever_prepares_the_database_later_may_be_killed(away: tuple[Site, str], tmp_path: Path) -> None:
    site, database = away
    running = start(site, database, tmp_path, PRICED + TOLERANT)
    gateway.wait_ready(running)
    found = tree(running.box)
    (helper,) = (process.pid for process in found.below(found.root) if "--background" in process.argv)
    running.box.kill(helper)
    site.postgres.start()
    wait_until("a key, once the database is there", lambda: new_key(running).status_code == 200, 120)
    assert "the process that prepares the database ended early" in running.box.logs()
    pending = running.box.exec(("slipway", "migrate", "--dry-run"))
    assert "0 of this image's migrations" in pending.output
