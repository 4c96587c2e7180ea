"""The database is restarted under load: no request fails, no spend is lost, and the gateway's processes live."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path

import httpx

from tests.database.support import PRICED, Site, assert_no_stray_engine
from tests.support import gateway, postgres
from tests.support.clients import Clients
from tests.support.gateway import MANAGEMENT_PORT, MASTER_KEY, PORT, Gateway
from tests.support.lab import Lab, wait_until
from tests.support.processes import server_of, tree, workers_of
from tests.support.soak import form

RESTARTS = form(4, 20)
WORKERS = 2
READY_SECONDS = 300
# Answers that an outage lasts for.
ENOUGH = 4
ADMIN = {"Authorization": f"Bearer {MASTER_KEY}"}
# LiteLLM waits up to 15 s between two attempts to connect again, and up to 30 s between two flushes of its request log.
RECOVERY_SECONDS = 120
# So soon a key is forgotten: requests in an outage need the database and not only the cache.
KEY_SECONDS = 1
CONFIG = f"""{PRICED}\
general_settings:
  allow_requests_on_db_unavailable: true
  user_api_key_cache_ttl: {KEY_SECONDS}
  proxy_batch_write_at: 2
"""


def started(lab: Lab, directory: Path) -> tuple[Site, str, Gateway]:
    """A PostgreSQL, the name of its database, and a gateway with workers that uses it."""
    network = lab.network()
    site = Site(lab, network, postgres.start(lab, network))
    database = site.database()
    files = {gateway.CONFIG_PATH: gateway.write(directory, "config.yaml", CONFIG)}
    arguments = ("--config", gateway.CONFIG_PATH, "--num_workers", str(WORKERS))
    spec = site.spec(database, *arguments, files=files, ports=(PORT, MANAGEMENT_PORT))
    running = Gateway(lab.start(spec))
    gateway.wait_ready(running, seconds=READY_SECONDS)
    return site, database, running


def processes(running: Gateway) -> set[int]:
    """The server and its workers."""
    found = tree(running.box)
    server = server_of(found, "gunicorn")
    return {server.pid, *(worker.pid for worker in workers_of(found, server, WORKERS))}


def logged(site: Site, database: str) -> set[str]:
    """The ids of the requests that have their row."""
    return set(site.postgres.sql('SELECT request_id FROM "LiteLLM_SpendLogs"', database).split())


def restart(site: Site, database: str, load: Clients, end: Callable[[], None]) -> None:
    """Restart a database that is in use, after the gateway had to answer some clients without it."""
    rows = len(logged(site, database))
    wait_until("rows of requests", lambda: len(logged(site, database)) > rows, RECOVERY_SECONDS)
    end()
    forgotten = time.monotonic() + KEY_SECONDS
    wait_until("answers without the database", lambda: load.served(forgotten) >= ENOUGH, RECOVERY_SECONDS)
    site.postgres.start()


def test_restarts_of_the_database_under_load(lab: Lab, tmp_path: Path) -> None:
    site, database, running = started(lab, tmp_path)
    before = processes(running)
    assert len(before) == WORKERS + 1
    made = httpx.post(f"{running.url}/key/generate", headers=ADMIN, json={"models": ["mock"]}, timeout=60)
    key = made.raise_for_status().json()["key"]
    ends: tuple[Callable[[], None], ...] = (site.postgres.stop, site.postgres.kill)
    # Eight clients with a pause leave the machine to the gateway.
    with Clients(running.url, key, count=8, model="mock", pause_seconds=0.05) as load:
        for number in range(RESTARTS):
            restart(site, database, load, ends[number % len(ends)])
    load.assert_all_succeeded()
    wait_until("the row of every request", lambda: not load.ids - logged(site, database), RECOVERY_SECONDS)
    wait_until("the spend of the key", lambda: spend_is_complete(site, database), RECOVERY_SECONDS)
    assert processes(running) == before
    assert_no_stray_engine(running.box)


def spend_is_complete(site: Site, database: str) -> bool:
    """Whether the key has spent what its requests cost; those served without the database belong to no key."""
    row = site.postgres.sql(
        'SELECT k.spend, sum(s.spend) FROM "LiteLLM_VerificationToken" k JOIN "LiteLLM_SpendLogs" s '
        "ON s.api_key = k.token GROUP BY k.spend",
        database,
    )
    spent, cost = map(float, row.split("|"))
    return math.isclose(spent, cost)
