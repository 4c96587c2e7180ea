"""How a gateway ends, and what it does when one of its workers does."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.support import gateway
from tests.support.fake import Provider
from tests.support.lab import Lab, wait_until
from tests.support.processes import server_of, tree, workers_of

SERVERS = ("uvicorn", "gunicorn", "hypercorn", "granian")


def refused(ask: Callable[[], httpx.Response]) -> bool:
    """True when readiness is off: another status, or nobody there."""
    try:
        return ask().status_code != 200
    except httpx.TransportError:
        return True


@pytest.mark.parametrize("server", SERVERS)
def test_a_request_in_flight_finishes_and_sigterm_ends_with_0(
    lab: Lab, directory: Path, provider: Provider, network: str, server: str
) -> None:
    running = gateway.start(lab, directory, env={"SLIPWAY_SERVER": server}, network=network)
    word = f"{server}-in-flight"
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(running.ask, f"provider/chat+hold={word}", "a boat")
        try:
            wait_until("the request at the provider", lambda: provider.holds(word), 60)
            running.box.signal("SIGTERM")
            wait_until("readiness off", lambda: refused(lambda: running.management("/readyz")), 60)
            assert provider.holds(word), "the request was cut off"
        finally:
            provider.release(word)
        assert answer.result(60) == "echo of a boat"
    assert running.box.wait(120) == 0, running.box.logs()


@pytest.mark.parametrize("server", SERVERS)
def test_without_the_supervisor_the_server_is_the_child_of_tini_and_sigterm_ends_with_0(
    lab: Lab, directory: Path, server: str
) -> None:
    env = {"SLIPWAY_SERVER": server, "SLIPWAY_SUPERVISOR": "off"}
    running = gateway.start(lab, directory, env=env, supervised=False)
    assert running.ask() == "mocked answer"
    server_of(tree(running.box), server, supervised=False)
    with pytest.raises(httpx.TransportError):
        running.management("/livez")
    running.box.signal("SIGTERM")
    assert running.box.wait(120) == 0, running.box.logs()


@pytest.mark.parametrize("server", ["uvicorn", "gunicorn"])
def test_a_killed_worker_is_replaced_and_leaves_no_zombie(lab: Lab, directory: Path, server: str) -> None:
    args = ("--config", gateway.CONFIG_PATH, "--num_workers", "2")
    running = gateway.start(lab, directory, args=args, env={"SLIPWAY_SERVER": server})

    def workers() -> set[int]:
        found = tree(running.box)
        return {worker.pid for worker in workers_of(found, server_of(found, server), 2)}

    wait_until("two workers", lambda: len(workers()) == 2, 60)
    before = workers()
    victim = min(before)
    running.box.kill(victim)
    # uvicorn notices a worker that dies while it is being pinged only when the ping times out, after 60 s.
    wait_until("a worker in its place", lambda: len(workers() - {victim}) == 2, 90)
    assert len(workers() & before) == 1, "the other worker did not survive"
    wait_until("no zombie", lambda: not tree(running.box).zombies(), 30)
    assert running.ask() == "mocked answer"


def processes(running: gateway.Gateway) -> int:
    found = tree(running.box)
    return len(list(found.below(found.root))) - len(found.zombies())


@pytest.mark.parametrize("server", SERVERS)
def test_idle_workers_do_not_take_busy_ones_down(
    lab: Lab, directory: Path, provider: Provider, network: str, server: str
) -> None:
    running = gateway.start(lab, directory, env={"SLIPWAY_SERVER": server, "NUM_WORKERS": "3"}, network=network)
    word = f"{server}-one-of-three"
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(running.ask, f"provider/chat+hold={word}", "a boat")
        try:
            wait_until("the request at the provider", lambda: provider.holds(word), 60)
            busy = processes(running)
            running.box.signal("SIGTERM")
            wait_until("an idle worker gone", lambda: processes(running) < busy, 60)
            assert provider.holds(word), "the request was cut off"
        finally:
            provider.release(word)
        assert answer.result(60) == "echo of a boat"
    assert running.box.wait(120) == 0, running.box.logs()


def test_the_supervisor_is_small(module_gateway: gateway.Gateway) -> None:
    found = tree(module_gateway.box)
    supervisor = found.only_child(found.root)
    status = module_gateway.box.python(f"print(open('/proc/{supervisor.pid}/status').read())")
    (resident,) = (int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
    assert resident < 30_000


@pytest.fixture(scope="module")
def module_gateway(module_lab: Lab, directory: Path) -> gateway.Gateway:
    return gateway.start(module_lab, directory)


@pytest.mark.parametrize("name", ["SIGHUP", "SIGUSR1", "SIGUSR2"])
def test_other_signals_do_not_end_the_gateway(module_gateway: gateway.Gateway, name: str) -> None:
    module_gateway.box.signal(name)
    assert module_gateway.ask() == "mocked answer"
