"""Where the scenarios of failures take place: a provider, a PostgreSQL, and gateways, alone or behind a balancer."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support import balancer, fake, gateway, postgres
from tests.support.balancer import Balancer
from tests.support.clients import Clients
from tests.support.fake import Provider
from tests.support.gateway import MASTER_KEY, Gateway
from tests.support.lab import Lab, wait_until
from tests.support.postgres import Postgres

DATABASE = "gateway"
SALT = f"sk-{secrets.token_hex(24)}"
REPLICAS = ("one", "two")
# LiteLLM flushes its request log every two seconds here; an attempt after a failed one may be 15 s later.
ROWS_SECONDS = 60
# More than any request of these tests and its flush; `docker stop` kills what is not gone then.
STOP_SECONDS = 300
CONFIG = f"""{gateway.CONFIG}\
general_settings:
  proxy_batch_write_at: 2
"""
_ROWS = "SELECT request_id FROM \"LiteLLM_SpendLogs\" WHERE status IS DISTINCT FROM 'failure'"


@dataclass(frozen=True)
class Site:
    lab: Lab
    directory: Path
    network: str
    postgres: Postgres
    provider: Provider

    def gateway(
        self,
        name: str,
        *,
        args: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
        config: str | None = CONFIG,
        **others: Any,
    ) -> Gateway:
        """Start a gateway with this name on the network, against the database, without waiting for it."""
        folder = self.directory / name
        folder.mkdir(exist_ok=True)
        variables = {"DATABASE_URL": self.postgres.url(DATABASE), "LITELLM_SALT_KEY": SALT, **(env or {})}
        arguments = args if "--config" in args else ("--config", gateway.CONFIG_PATH, *args)
        place = {"network": self.network, "alias": name, **others}
        return Gateway(self.lab.start(gateway.specify(folder, args=arguments, env=variables, config=config, **place)))

    def started(self, name: str, **how: Any) -> Gateway:
        """Start a gateway as `gateway` does and wait until it is ready."""
        running = self.gateway(name, **how)
        gateway.wait_ready(running)
        return running

    def replicas(self, **how: Any) -> tuple[Balancer, dict[str, Gateway]]:
        """Start two gateways, one after the other's migration, and a balancer that uses both."""
        running = {name: self.started(name, **how) for name in REPLICAS}
        front = balancer.start(self.lab, self.network, self.directory, REPLICAS)
        front.wait_ready(*REPLICAS)
        return front, running

    def rows(self) -> set[str]:
        """The ids of the requests that succeeded, as the request log has them."""
        return set(self.postgres.sql(_ROWS, DATABASE).split())

    def assert_rows_of(self, *clients: Clients) -> None:
        """Wait for the row of every answer; then there is no other row of a success."""
        ids = set().union(*(some.ids for some in clients))
        wait_until("the row of every answer", lambda: not ids - self.rows(), ROWS_SECONDS)
        assert not self.rows() - ids, "the request log has rows that no client got an answer for"


def clients(url: str, **how: Any) -> Clients:
    """Clients with the master key."""
    return Clients(url, MASTER_KEY, **how)


def stop(running: Gateway) -> None:
    """`docker stop`, with patience; the gateway ends by itself, with 0."""
    running.box.container.stop(timeout=STOP_SECONDS)
    assert running.box.wait() == 0, running.box.logs()


def start_again(running: Gateway) -> None:
    running.box.container.start()
    gateway.wait_ready(running)


def build(lab: Lab, directory: Path) -> Site:
    """Start what the gateways need."""
    network = lab.network()
    server = postgres.start(lab, network)
    server.sql(f"CREATE DATABASE {DATABASE}")
    return Site(lab, directory, network, server, fake.start(lab, network))
