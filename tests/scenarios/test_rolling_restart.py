"""Two replicas behind a balancer are restarted or stopped under load, and no client notices."""

from __future__ import annotations

import time

from tests.scenarios.site import Site, clients, start_again, stop
from tests.support.balancer import Balancer
from tests.support.clients import Clients, stream_of
from tests.support.lab import wait_until
from tests.support.soak import form

STREAM_SECONDS = form(12, 60)
ROUNDS = form(1, 3)
CLIENTS = 50
SERVED_SECONDS = 60
# One replica alone has to carry what both did: half of what a worker can do.
PAUSE_SECONDS = 1.0


def load(front: Balancer) -> Clients:
    model = stream_of(STREAM_SECONDS, 12)
    return clients(front.url, count=CLIENTS, streaming=CLIENTS // 2, stream_model=model, pause_seconds=PAUSE_SECONDS)


def test_a_rolling_restart_of_both_replicas_cuts_and_fails_nothing(site: Site) -> None:
    front, running = site.replicas()
    with load(front) as asked:
        wait_until("all clients", lambda: asked.in_flight >= CLIENTS // 2, SERVED_SECONDS)
        for _ in range(ROUNDS):
            for replica in running.values():
                stop(replica)
                start_again(replica)
                front.wait_ready(*running)
    print(*front.changes(), sep="\n")  # shown with a failure
    asked.assert_all_succeeded()
    assert any(outcome.stream for outcome in asked.succeeded)
    assert front.retries() == 0, "the balancer met a gateway that did not listen any more"
    site.assert_rows_of(asked)


def test_docker_stop_of_one_replica_cuts_and_fails_nothing(site: Site) -> None:
    front, running = site.replicas()
    first, second = running
    with load(front) as asked:
        wait_until("all clients", lambda: asked.in_flight >= CLIENTS // 2, SERVED_SECONDS)
        stop(running[first])
        stopped = time.monotonic()
        assert front.ready() == {second}
        wait_until("answers of the other", lambda: asked.served(stopped) >= CLIENTS, SERVED_SECONDS)
    print(*front.changes(), sep="\n")  # shown with a failure
    asked.assert_all_succeeded()
    assert front.retries() == 0, "the balancer met a gateway that did not listen any more"
    site.assert_rows_of(asked)
