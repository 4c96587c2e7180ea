"""A real PgBouncer before the database: refused for migrations in transaction mode, served through with DIRECT_URL."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from tests.database.support import Site, assert_refused
from tests.support import gateway, pgbouncer, postgres
from tests.support.gateway import MASTER_KEY, Gateway
from tests.support.lab import Lab, wait_until

REQUESTS = 30


@pytest.fixture
def pooled(site: Site, lab: Lab, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """The beginning of a URL that leads through PgBouncer in the mode of the parameter."""
    return pgbouncer.start(lab, site.network, site.postgres, tmp_path, request.param)


@pytest.mark.parametrize("pooled", ["transaction"], indirect=True)
@pytest.mark.parametrize("command", ["serve", "migrate"])
def test_transaction_mode_is_told_to_be_unsafe_before_anything_is_done(site: Site, pooled: str, command: str) -> None:
    database = site.database()
    env = {"DATABASE_URL": f"{pooled}{database}?pgbouncer=true"}
    assert_refused(site.run(database, command, env=env), 65, "DATABASE_URL", "DIRECT_URL", "transaction mode")
    assert site.postgres.sql("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'", database) == "0"


@pytest.mark.parametrize("pooled", ["session"], indirect=True)
def test_session_mode_migrates(site: Site, pooled: str, migrations: dict[str, str]) -> None:
    database = site.database()
    done = site.run(database, "migrate", env={"DATABASE_URL": pooled + database})
    assert done.code == 0, done.output
    assert site.finished(database) == len(migrations)


@pytest.mark.parametrize("parameters", ["", "?pgbouncer=true"])
def test_a_gateway_serves_through_transaction_mode(lab: Lab, parameters: str, tmp_path: Path) -> None:
    """Also without `pgbouncer=true`: PgBouncer keeps track of prepared statements since 1.21."""
    network = lab.network()
    site = Site(lab, network, postgres.start(lab, network))
    pooled = pgbouncer.start(lab, network, site.postgres, tmp_path, "transaction")
    database = site.database()
    env = {"DATABASE_URL": f"{pooled}{database}{parameters}", "DIRECT_URL": site.postgres.url(database)}
    config = f"{gateway.CONFIG}general_settings:\n  proxy_batch_write_at: 1\n"
    files = {gateway.CONFIG_PATH: gateway.write(tmp_path, "config.yaml", config)}
    ports = (gateway.PORT, gateway.MANAGEMENT_PORT)
    running = Gateway(
        lab.start(site.spec(database, "--config", gateway.CONFIG_PATH, env=env, files=files, ports=ports))
    )
    gateway.wait_ready(running)
    headers = {"Authorization": f"Bearer {MASTER_KEY}"}
    made = httpx.post(f"{running.url}/key/generate", json={"models": ["mock"]}, headers=headers, timeout=60)
    key = made.raise_for_status().json()["key"]
    with httpx.Client(headers={"Authorization": f"Bearer {key}"}, timeout=60) as client:
        asked = {"model": "mock", "messages": [{"role": "user", "content": "hello"}]}
        for _ in range(REQUESTS):
            client.post(f"{running.url}/v1/chat/completions", json=asked).raise_for_status()
    rows = "SELECT count(*) FROM \"LiteLLM_SpendLogs\" WHERE api_key <> ''"
    wait_until("a spend row for each request", lambda: int(site.postgres.sql(rows, database)) >= REQUESTS)
    assert "prepared statement" not in running.box.logs()
