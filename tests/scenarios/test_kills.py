"""Processes of a gateway are killed under load: what is lost is what was in them, and it is counted."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.scenarios.site import ROWS_SECONDS, Site, clients
from tests.support import gateway, metrics
from tests.support.clients import Clients, Outcome, stream_of
from tests.support.fake import Provider
from tests.support.gateway import Gateway
from tests.support.lab import Lab, wait_until
from tests.support.processes import server_of, tree
from tests.support.soak import form
from tests.support.watch import now, wait_serving

SERVERS = form(("gunicorn",), ("gunicorn", "uvicorn"))
WORKERS = 4
EVERY_SECONDS = 5
KILLS = form(5, 60)
RECOVERY_SECONDS = 60
# LiteLLM starts an engine anew when it next fails to reach it, and waits between two attempts.
ENGINE_SECONDS = 120
# What a worker has not written yet: two seconds between flushes, and a flush that is under way.
WINDOW_SECONDS = 2 + 3
# A request is on its way to a worker for so long after its client began it: until it is read, only the client knows it.
UNREAD_SECONDS = 0.1
# A worker is stopped first, so that what is in it can be counted. A connection carries one request at a time.
# The kernel frees a killed worker's memory before it closes its sockets: requests go in for 40 to 100 ms more.
_KILL = """
import os, select, signal, sys, time
pid = int(sys.argv[1])
end = os.pidfd_open(pid)
os.kill(pid, signal.SIGSTOP)
moment = time.monotonic()
while open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()[0] != "T":
    time.sleep(0.001)
owned = set()
for name in os.listdir(f"/proc/{pid}/fd"):
    owned.add(os.readlink(f"/proc/{pid}/fd/{name}"))
rows = [line.split() for path in ("/proc/net/tcp", "/proc/net/tcp6") for line in open(path).readlines()[1:]]
clients = [row for row in rows if row[1].endswith(":0FA0") and row[3] == "01" and f"socket:[{row[9]}]" in owned]
os.kill(pid, signal.SIGKILL)
select.select([end], [], [])
told = f"{len(clients)} {moment} {time.monotonic()}"
with open("/tmp/told", "w") as file:
    file.write(told)
print(told)
"""


def load(running: Gateway) -> Clients:
    return clients(running.url, count=16, streaming=8, stream_model=stream_of(3, 12))


def kill(running: Gateway, pid: int) -> tuple[int, float, float]:
    """SIGKILL a worker; returns its connections, and the host's monotonic time of its stop and of its end."""
    done = running.box.exec(["python", "-c", _KILL, str(pid)])
    assert done.code == 0, done.output
    # Under load the engine was seen to lose what a command had printed.
    connections, stopped, ended = (done.stdout or running.box.exec(["cat", "/tmp/told"]).stdout).split()
    return int(connections), float(stopped), float(ended)


def on_its_way(outcome: Outcome, kills: list[float]) -> bool:
    return any(-UNREAD_SECONDS <= outcome.started - moment <= 1 for moment in kills)


def in_the_window(outcome: Outcome, kills: list[float]) -> bool:
    return any(moment - WINDOW_SECONDS <= outcome.ended <= moment + 1 for moment in kills)


@pytest.mark.parametrize("server", SERVERS)
def test_killed_workers_lose_what_they_held_and_it_is_counted(site: Site, server: str) -> None:
    running = site.started("killed", env={"SLIPWAY_SERVER": server, "NUM_WORKERS": str(WORKERS)})
    wait_serving(running.box, WORKERS)
    connections, moments, ended = 0, list[float](), 0.0
    with load(running) as asked:
        wait_until("all clients", lambda: len(asked.succeeded) >= asked.count, RECOVERY_SECONDS)
        due = time.monotonic()
        for _ in range(KILLS):
            wait_until("the next kill", lambda: time.monotonic() >= due, EVERY_SECONDS)  # noqa: B023
            wait_until("a worker to kill", lambda: bool(now(running.box).serving), RECOVERY_SECONDS)
            held, moment, ended = kill(running, random.choice(sorted(now(running.box).serving)))
            connections += held
            moments.append(moment)
            due += EVERY_SECONDS
        wait_serving(running.box, WORKERS, seconds=RECOVERY_SECONDS)
        after = time.monotonic()
        wait_until("answers after the last kill", lambda: asked.served(after) >= asked.count, RECOVERY_SECONDS)
    assert len(asked.failed) <= connections, [outcome.failure for outcome in asked.failed]
    # What reaches a worker between its stop and its end is lost, too.
    assert [outcome for outcome in asked.failed if outcome.started > ended] == []
    unread = [outcome for outcome in asked.failed if on_its_way(outcome, moments)]
    cut = metrics.read(running, "slipway_requests_cut_total")
    assert len(asked.failed) - len(unread) <= cut <= len(asked.failed)
    wait_until("the last flush", lambda: metrics.read(running, "slipway_spend_rows_pending") == 0, ROWS_SECONDS)
    rows = site.rows()
    missing = [outcome for outcome in asked.succeeded if outcome.id not in rows]
    assert [outcome for outcome in missing if not in_the_window(outcome, moments)] == []
    # Counted too: what was being written just then, and answers that did not reach their client.
    recent = [outcome for outcome in asked.outcomes if in_the_window(outcome, moments)]
    assert len(missing) <= metrics.read(running, "slipway_spend_rows_lost_total") <= len(recent)
    assert metrics.read(running, "slipway_worker_exits_total", reason="killed") == KILLS


def test_killed_engines_fail_nothing(site: Site) -> None:
    workers = 2
    running = site.started("engines", env={"NUM_WORKERS": str(workers)})
    before = wait_serving(running.box, workers)

    def engines() -> set[int]:
        return {engine.pid for engine in tree(running.box).engines()}

    victims = engines()
    assert len(victims) == workers
    with load(running) as asked:
        wait_until("all clients", lambda: len(asked.succeeded) >= asked.count, RECOVERY_SECONDS)
        running.box.kill(*victims)
        wait_until("their successors", lambda: len(engines() - victims) == workers, ENGINE_SECONDS)
        after = time.monotonic()
        wait_until("answers after the kill", lambda: asked.served(after) >= asked.count, RECOVERY_SECONDS)
    asked.assert_all_succeeded()
    site.assert_rows_of(asked)
    assert now(running.box).serving == before, "a worker ended with its engine"


@contextmanager
def in_flight(running: Gateway, provider: Provider, word: str) -> Iterator[Future[str]]:
    """A request that stays at the provider in the block, and its answer afterwards."""
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(running.ask, f"provider/chat+hold={word}", "a boat")
        try:
            wait_until("the request at the provider", lambda: provider.holds(word))
            yield answer
            assert provider.holds(word), "the request was cut off"
        finally:
            provider.release(word)


def kill_parent(running: Gateway, server: str) -> None:
    running.box.kill(server_of(tree(running.box), server).pid)
    wait_until("its workers are told", lambda: "told to finish" in running.box.logs(stdout=False))


@pytest.mark.parametrize("server", ["gunicorn", "uvicorn", "hypercorn", "granian"])
def test_a_killed_server_ends_the_container_once_its_requests_are_done(
    lab: Lab, tmp_path: Path, provider: Provider, network: str, server: str
) -> None:
    running = gateway.start(lab, tmp_path, network=network, env={"SLIPWAY_SERVER": server, "NUM_WORKERS": "2"})
    with in_flight(running, provider, f"orphaned-by-{server}") as answer:
        kill_parent(running, server)
        wait_until("readiness off: nobody accepts", lambda: running.management("/readyz").status_code == 503)
        assert running.management("/livez").status_code == 200
    assert answer.result(RECOVERY_SECONDS) == "echo of a boat"
    assert running.box.wait(RECOVERY_SECONDS) != 0, running.box.logs()


@pytest.mark.parametrize("server", ["gunicorn", "uvicorn"])
def test_connections_to_a_killed_servers_workers_are_closed_with_a_word(
    lab: Lab, tmp_path: Path, provider: Provider, network: str, server: str
) -> None:
    running = gateway.start(lab, tmp_path, network=network, env={"SLIPWAY_SERVER": server, "NUM_WORKERS": "2"})
    with in_flight(running, provider, f"beside-{server}"), httpx.Client(base_url=running.url, timeout=30) as kept:
        kept.get("/health/liveliness").raise_for_status()
        kill_parent(running, server)
        assert kept.get("/health/liveliness").status_code == 200, "a connection was closed unannounced"
