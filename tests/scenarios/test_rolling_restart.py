"""Two replicas behind a balancer are restarted or stopped under load, and no client notices."""

from __future__ import annotations

import time
from itertools import pairwise

import yaml

from tests.scenarios.site import CONFIG, REPLICAS, Site, clients, start_again, stop
from tests.support import prometheus
from tests.support.balancer import Balancer
from tests.support.clients import Clients, stream_of
from tests.support.lab import wait_until
from tests.support.prometheus import Prometheus
from tests.support.soak import form

STREAM_SECONDS = form(12, 60)
ROUNDS = form(1, 3)
CLIENTS = 50
SERVED_SECONDS = 60
# One replica alone has to carry what both did: half of what a worker can do.
PAUSE_SECONDS = 1.0
COUNTED = CONFIG + "litellm_settings:\n  callbacks: [prometheus]\n"
ASKED = "litellm_proxy_total_requests_metric_total"
SCRAPE_SECONDS = 5
# As many scrapes in a row may miss a replica that is restarted.
GAP = 2


def load(front: Balancer) -> Clients:
    model = stream_of(STREAM_SECONDS, 12)
    return clients(front.url, count=CLIENTS, streaming=CLIENTS // 2, stream_model=model, pause_seconds=PAUSE_SECONDS)


def test_a_rolling_restart_of_both_replicas_cuts_and_fails_nothing(site: Site) -> None:
    front, running = site.replicas(config=COUNTED)
    rules = yaml.safe_load(prometheus.RULES.read_text())
    scraped = prometheus.start(site.lab, site.network, site.directory, REPLICAS, rules, seconds=SCRAPE_SECONDS)
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
    assert_scraped_without_gaps(scraped)


def assert_scraped_without_gaps(scraped: Prometheus) -> None:
    """A counter begins again when its replica does, and never else; Prometheus misses few scrapes; no alert fires."""
    for labels, up in scraped.samples("up[1h]"):
        gap = max(after - before for before, after in pairwise(moment for moment, value in up if value))
        assert gap < (GAP + 1.5) * SCRAPE_SECONDS, f"{labels['instance']} was not scraped for {gap:.0f} s"
    assert scraped.samples('ALERTS{alertstate="firing"}[1h]') == []
    for labels, counts in scraped.samples(f"{ASKED}[1h]"):
        falls = sum(after < before for (_, before), (_, after) in pairwise(counts))
        assert falls <= ROUNDS, f"{labels} fell {falls} times"
    now = time.time()
    rates = scraped.range(f"rate({ASKED}[{4 * SCRAPE_SECONDS}s])", now - 600, now, SCRAPE_SECONDS)
    assert {labels["instance"] for labels, _ in rates} == {f"{name}:4001" for name in REPLICAS}
    assert all(value >= 0 for _, row in rates for _, value in row)
    assert any(value > 0 for _, row in rates for _, value in row)


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
