"""Workers are replaced after so many requests, one at a time and the new one first; no client notices."""

from __future__ import annotations

import httpx
import pytest

from tests.scenarios.site import Site, clients
from tests.support import metrics
from tests.support.clients import Clients, stream_of
from tests.support.gateway import Gateway
from tests.support.lab import wait_until
from tests.support.soak import form
from tests.support.watch import Watch, now, wait_serving

SERVERS = form(("gunicorn", "uvicorn"), ("gunicorn",))
WORKERS = 4
LIMIT = form(80, 500)
REQUESTS = form(1_000, 50_000)
# A worker serves past its limit while it waits for its turn: each is replaced once, or far more often.
# On a busy machine a replacement takes a while, and they come one at a time.
REPLACED = form(1, 4)
LOAD_SECONDS = form(240, 3600)
# Of one worker that is the only one.
FEW_REQUESTS = 200
FEW_LIMIT = 40
# The least that can be asked for; a worker younger than a minute is not replaced for its size.
AGE = {"SLIPWAY_RECYCLE_SECONDS": "60"}
SIZE = {"SLIPWAY_RECYCLE_MEMORY_MB": "128"}
DUE_SECONDS = 60 + 60


def asked(running: Gateway, requests: int | None, count: int = 12) -> Clients:
    return clients(
        running.url, count=count, streaming=count // 4, model="mock", stream_model=stream_of(3, 12),
        limit=requests, pause_seconds=0.05,
    )  # fmt: skip


def health_requests(running: Gateway, number: int) -> None:
    with httpx.Client(timeout=60) as client:
        for index in range(number):
            path = ("/health/liveliness", "/health/liveness", "/health/readiness")[index % 3]
            assert client.get(running.url + path).status_code == 200


@pytest.mark.parametrize("server", SERVERS)
def test_workers_are_replaced_one_at_a_time_and_nothing_fails(site: Site, server: str) -> None:
    env = {"SLIPWAY_SERVER": server, "NUM_WORKERS": str(WORKERS), "MAX_REQUESTS_BEFORE_RESTART": str(LIMIT)}
    running = site.started("recycled", env=env)
    first = wait_serving(running.box, WORKERS)
    with Watch(running.box) as seen:
        with asked(running, REQUESTS) as load:
            wait_until("all requests", lambda: load.done, LOAD_SECONDS)
        load.assert_all_succeeded()
        site.assert_rows_of(load)
    assert len(seen.served - first) >= REPLACED, "workers were not replaced"
    assert seen.fewest >= WORKERS
    assert seen.most_starting == 1


def test_the_only_worker_is_replaced_without_a_gap(site: Site) -> None:
    args = ("--num_workers", "1", "--max_requests_before_restart", str(FEW_LIMIT))
    running = site.started("single", args=args)
    first = wait_serving(running.box, 1)
    with Watch(running.box) as seen:
        # Probes do not wear a worker out.
        health_requests(running, 3 * FEW_LIMIT)
        assert running.ask() == "mocked answer"
        assert now(running.box).serving == first
        with asked(running, FEW_REQUESTS, 8) as load:
            wait_until("all requests", lambda: load.done, LOAD_SECONDS)
    load.assert_all_succeeded()
    assert len(seen.served - first) >= 1, "the worker was not replaced"
    assert seen.fewest >= 1
    assert seen.most_starting == 1


def test_a_worker_is_replaced_for_its_age_and_for_its_size(site: Site) -> None:
    aged, grown = site.started("aged", env=AGE), site.started("grown", env=SIZE)
    with asked(aged, None, 4) as of_aged, asked(grown, None, 4) as of_grown:
        for running, reason in ((aged, "age"), (grown, "memory")):
            wait_until(
                f"a worker replaced for its {reason}",
                lambda: metrics.read(running, "slipway_worker_exits_total", reason=reason) >= 1,  # noqa: B023
                DUE_SECONDS,
            )
    of_aged.assert_all_succeeded()
    of_grown.assert_all_succeeded()
    site.assert_rows_of(of_aged, of_grown)
