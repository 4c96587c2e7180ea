"""Two replicas of one line are replaced by two of the next behind a balancer, under load, on one database."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.database.support import Site
from tests.support import balancer, gateway
from tests.support.balancer import Balancer
from tests.support.clients import Clients
from tests.support.gateway import MANAGEMENT_PORT, PORT, Gateway
from tests.support.lab import wait_until
from tests.upgrade.history import Account, account, end
from tests.upgrade.lines import Pair, ledger

CONFIG = f"""{gateway.MOCK}\
      input_cost_per_token: 0.001
      output_cost_per_token: 0.002
general_settings:
  proxy_batch_write_at: 2
"""
CLIENTS = 12
# Answers that each of two lines gives while both serve.
TOGETHER = 60
SERVED_SECONDS = 120
# What LiteLLM or the query engine say of a schema that they do not know, and of anything else that failed.
_TROUBLE = re.compile(r".*(?:\bERROR\b|Traceback|\bP20\d\d\b|does not exist).*")


def replica(site: Site, database: str, directory: Path, name: str, env: Mapping[str, str] | None = None) -> Gateway:
    """Start a gateway that the balancer knows by this name, and wait until it is ready."""
    path = gateway.write(directory, f"{name}.yaml", CONFIG)
    spec = site.spec(
        database, "--config", gateway.CONFIG_PATH, env=env, files={gateway.CONFIG_PATH: path},
        ports=(PORT, MANAGEMENT_PORT), alias=name,
    )  # fmt: skip
    running = Gateway(site.lab.start(spec))
    gateway.wait_ready(running)
    return running


def wait_for_answers(front: Balancer, *names: str) -> None:
    """Wait until each of these has answered a number of requests more."""
    before = front.served()
    wait_until(
        f"answers of {names}",
        lambda: all(front.served()[name] >= before[name] + TOGETHER for name in names),
        SERVED_SECONDS,
    )


@pytest.mark.parametrize("mode", ["auto", "require"])
def test_both_lines_serve_one_database_while_one_replaces_the_other(pair: Pair, directory: Path, mode: str) -> None:
    folder = directory / mode
    folder.mkdir()
    database = pair.older.database()
    leaving, coming = ([f"{line}-{number}-{mode}" for number in (1, 2)] for line in ("older", "newer"))
    older = {name: replica(pair.older, database, folder, name) for name in leaving}
    used = account(older[leaving[0]])
    front = balancer.start(pair.newer.lab, pair.newer.network, folder, leaving, later=coming)
    front.wait_ready(*leaving)
    with Clients(front.url, used.key, count=CLIENTS, model="mock", pause_seconds=0.3) as asked:
        wait_for_answers(front, *leaving)
        if mode == "require":
            # A job of the newer image migrates while only the older one serves.
            done = pair.newer.run(database, "migrate")
            assert done.code == 0, done.output
            wait_for_answers(front, *leaving)
        serving = set(leaving)
        for gone, come in zip(leaving, coming, strict=True):
            started = replica(pair.newer, database, folder, come, {"SLIPWAY_MIGRATE": mode})
            migrating = "migrating the database" in started.box.logs()
            assert migrating == (mode == "auto" and come == coming[0])
            serving.add(come)
            front.wait_ready(*serving)
            wait_for_answers(front, gone, come)
            end(older[gone])
            serving.remove(gone)
    asked.assert_all_succeeded()
    assert front.retries() == 0, "the balancer met a gateway that did not listen any more"
    assert ledger(pair.newer, database) == sorted(pair.shipped)
    for running in older.values():
        assert not _TROUBLE.findall(running.box.logs()), running.box.logs()
    Account(used.key, used.token, used.team, asked.ids).settled(pair.newer, database)
