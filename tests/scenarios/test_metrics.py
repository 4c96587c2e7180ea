"""Counters of all workers together, while workers are recycled, killed and replaced."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

import httpx
import pytest

from tests.scenarios.site import CONFIG, Site, clients
from tests.support import gateway, scraper
from tests.support.clients import Clients
from tests.support.gateway import MASTER_KEY, Gateway
from tests.support.lab import wait_until
from tests.support.scraper import ENDPOINTS, Scraper
from tests.support.soak import form
from tests.support.watch import now, wait_serving

SERVERS = ("gunicorn", "uvicorn")
WORKERS = 4
# Each worker serves so many requests.
LIMIT = 50
REQUESTS = form(1_200, 20_000)
SCRAPES = form(100, 1_000)
SECONDS = form(300, 3600)
KILLS = form(3, 30)
KILL_EVERY_SECONDS = 10
# LiteLLM calls its callbacks after the answer.
COUNTED_SECONDS = 30
# So many scrapes in a row, some seconds, show the same when nothing is counted any more.
SAME = 20
# What ended so shortly before a kill may not have been counted.
WINDOW_SECONDS = 2
COUNTED = CONFIG + "litellm_settings:\n  callbacks: [prometheus]\n"
SUCCEEDED = "litellm_requests_metric_total"
ASKED = "litellm_proxy_total_requests_metric_total"
FAILED = "litellm_proxy_failed_requests_metric_total"
LATENCIES = "litellm_request_total_latency_metric_count"


def good(running: Gateway, requests: int | None) -> Clients:
    return clients(running.url, count=10, streaming=3, limit=requests, pause_seconds=0.02)


def bad(running: Gateway, requests: int | None) -> Clients:
    return clients(running.url, count=2, model="provider/chat+status=400", limit=requests, pause_seconds=0.1)


def totals(running: Gateway, endpoint: str) -> dict[str, float]:
    text = scraper.scrape(running, endpoint)
    return {name: scraper.total(text, name) for name in (SUCCEEDED, ASKED, FAILED, LATENCIES)}


def files(running: Gateway) -> list[str]:
    return running.box.exec(["ls", "/run/slipway/prometheus"]).output.split()


def writers(running: Gateway) -> int:
    """How many workers' files hold a counter of requests."""
    found = (
        "sum(b'litellm_requests' in path.read_bytes() for path in pathlib.Path('/run/slipway/prometheus').glob('c*'))"
    )
    return int(running.box.python(f"import pathlib; print({found})"))


def settled(running: Gateway) -> dict[str, float]:
    """The totals once they stay as they are."""
    seen: list[dict[str, float]] = []

    def unchanged() -> bool:
        seen.append(totals(running, "management"))
        return len(seen) > SAME and all(one == seen[-1] for one in seen[-SAME:])

    wait_until("the last callbacks", unchanged, COUNTED_SECONDS)
    return seen[-1]


def assert_totals(running: Gateway, right: Clients, wrong: Clients) -> None:
    succeeded, failed = len(right.outcomes), len(wrong.outcomes)
    expected = {SUCCEEDED: succeeded, ASKED: succeeded + failed, FAILED: failed, LATENCIES: succeeded}
    for endpoint in ENDPOINTS:

        def exact(endpoint: str = endpoint) -> bool:
            return totals(running, endpoint) == expected

        try:
            wait_until(f"the totals of {endpoint}", exact, COUNTED_SECONDS)
        except AssertionError:
            assert totals(running, endpoint) == expected
            raise


@pytest.mark.parametrize("server", SERVERS)
def test_counters_of_recycled_workers_go_on_and_are_exact(site: Site, server: str) -> None:
    env = {"SLIPWAY_SERVER": server, "NUM_WORKERS": str(WORKERS), "MAX_REQUESTS_BEFORE_RESTART": str(LIMIT)}
    running = site.started(f"counted-{server}", env=env, config=COUNTED)
    first = wait_serving(running.box, WORKERS)
    with Scraper(running) as scrapes:
        with good(running, REQUESTS) as right, bad(running, REQUESTS // 10) as wrong:
            wait_until("all requests", lambda: right.done and wrong.done, SECONDS)
        wait_until("enough scrapes", lambda: scrapes.scrapes >= SCRAPES, SECONDS)
    right.assert_all_succeeded()
    assert scrapes.wrong == []
    assert not scrapes.failed
    assert_totals(running, right, wrong)
    assert now(running.box).serving.isdisjoint(first), "workers were not recycled"
    slots = {name.removesuffix(".db").rpartition("_")[2] for name in files(running) if name.endswith(".db")}
    assert slots <= {f"w{number}" for number in range(WORKERS + 2)}, "files of more workers than ever ran at once"


def test_a_restart_of_the_container_begins_at_zero(site: Site) -> None:
    running = site.started("restarted", config=COUNTED)
    with good(running, 20) as right:
        wait_until("all requests", lambda: right.done, SECONDS)
    wait_until("the count", lambda: totals(running, "management")[SUCCEEDED] == 20, COUNTED_SECONDS)
    running.box.container.restart(timeout=60)
    gateway.wait_ready(running)
    assert totals(running, "management")[SUCCEEDED] == 0


@pytest.mark.parametrize("server", SERVERS)
def test_killed_workers_take_what_they_were_doing_and_nothing_else(site: Site, server: str) -> None:
    env = {"SLIPWAY_SERVER": server, "NUM_WORKERS": str(WORKERS), "MAX_REQUESTS_BEFORE_RESTART": str(LIMIT)}
    running = site.started(f"shot-{server}", env=env, config=COUNTED)
    wait_serving(running.box, WORKERS)
    kills: list[float] = []
    with Scraper(running) as scrapes, good(running, None) as right:
        due = time.monotonic()
        for _ in range(KILLS):
            wait_until("the next kill", lambda: time.monotonic() >= due, KILL_EVERY_SECONDS)  # noqa: B023
            wait_until("a worker", lambda: bool(now(running.box).serving), SECONDS)
            running.box.kill(random.choice(sorted(now(running.box).serving)))
            kills.append(time.monotonic())
            due += KILL_EVERY_SECONDS
        wait_serving(running.box, WORKERS, seconds=SECONDS)
    assert scrapes.wrong == []
    # A worker that is killed takes what it answers along, as a scrape of LiteLLM's own endpoint.
    assert scrapes.failed["management"] == 0
    assert scrapes.failed["gateway"] <= KILLS
    recent = [one for one in right.outcomes if any(0 <= moment - one.ended <= WINDOW_SECONDS for moment in kills)]

    counted = settled(running)
    short = len(right.succeeded) - counted[SUCCEEDED]
    # An answer may be counted whose client never got it.
    assert -len(right.failed) <= short <= len(recent), f"{short} are missing, {len(recent)} may be"
    assert totals(running, "gateway") == counted


def test_counters_of_granians_workers_go_on_when_they_are_replaced_for_their_age(site: Site) -> None:
    env = {"SLIPWAY_SERVER": "granian", "NUM_WORKERS": "2", "SLIPWAY_RECYCLE_SECONDS": "60"}
    running = site.started("aged", env=env, config=COUNTED)
    first = wait_serving(running.box, 2)
    with Scraper(running) as scrapes, good(running, None) as right:
        wait_until("other workers", lambda: now(running.box).serving.isdisjoint(first), SECONDS)
    assert scrapes.wrong == []
    assert not scrapes.failed
    # granian ends its workers by its own clock, and with them a callback that had not run yet.
    short = len(right.succeeded) - settled(running)[SUCCEEDED]
    assert -len(right.failed) <= short <= len(first), f"{short} of {len(right.succeeded)} are missing"


def test_hypercorns_workers_count_together(site: Site) -> None:
    running = site.started("hypercorn", env={"SLIPWAY_SERVER": "hypercorn", "NUM_WORKERS": "2"}, config=COUNTED)
    with Scraper(running) as scrapes, good(running, 300) as right, bad(running, 30) as wrong:
        wait_until("all requests", lambda: right.done and wrong.done, SECONDS)
    assert scrapes.wrong == []
    assert not scrapes.failed
    assert_totals(running, right, wrong)


def by_admin_api(site: Site) -> Gateway:
    running = site.started("by-api", config=CONFIG, env={"NUM_WORKERS": "2", "STORE_MODEL_IN_DB": "True"})
    answer = httpx.post(
        f"{running.url}/config/update",
        json={"litellm_settings": {"success_callback": ["prometheus"], "failure_callback": ["prometheus"]}},
        headers={"Authorization": f"Bearer {MASTER_KEY}"},
        timeout=60,
    )
    assert answer.status_code == 200, answer.text
    return running


def by_variable(site: Site) -> Gateway:
    env = {"NUM_WORKERS": "2", "CONFIG_FILE_PATH": gateway.CONFIG_PATH}
    return site.started("by-variable", config=COUNTED, env=env, command=())


def by_flag(site: Site) -> Gateway:
    return site.started("by-flag", config=COUNTED, env={"NUM_WORKERS": "2"})


@pytest.mark.parametrize("turned_on", [by_admin_api, by_variable, by_flag])
def test_however_the_callback_is_turned_on_all_workers_count(site: Site, turned_on: Callable[[Site], Gateway]) -> None:
    running = turned_on(site)

    def counts() -> bool:
        running.ask("provider/chat")
        return totals(running, "management")[SUCCEEDED] > 0

    # Workers read what is in the database every 30 s.
    wait_until("the callback, in each worker", lambda: counts() and writers(running) == 2, SECONDS)
    before = totals(running, "management")[SUCCEEDED]
    with good(running, 100) as right:
        wait_until("all requests", lambda: right.done, SECONDS)
    for endpoint in ENDPOINTS:
        wait_until("the count", lambda: totals(running, endpoint)[SUCCEEDED] - before >= 100, COUNTED_SECONDS)  # noqa: B023
        assert totals(running, endpoint)[SUCCEEDED] - before == 100
