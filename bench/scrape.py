"""What a scrape costs under load: mocked completions by wrk, 32 connections, four gunicorn workers.

`scrape_p99`: 99th percentile of a scrape's time in milliseconds, one each second after a first one; ours of port 4001,
theirs of the port where LiteLLM serves, which has the only metrics of its own command. `scrape_effect` is ours alone:
the 99th percentile of a request's time while one scrape comes each second, as a part of what it is without; medians of
ROUNDS of each, by turns, in one gateway.
"""

from __future__ import annotations

import contextlib
import statistics
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Final

import httpx

from bench import load, record
from bench.containers import MANAGEMENT_PORT, PORT
from bench.gateway import Session, Shape
from tests.support.lab import Box

TITLE: Final = "A scrape of four workers under load (less is better)"
SHAPE: Final = Shape(4, "gunicorn")
ROWS: Final = ("scrape_p99", "scrape_effect")
ROUNDS: Final = 7
WARM_SECONDS: Final = 20
SECONDS: Final = 20
EACH_SECONDS: Final = 1.0
URLS: Final[dict[record.Side, tuple[int, str]]] = {"ours": (MANAGEMENT_PORT, "/metrics"), "theirs": (PORT, "/metrics/")}


def measure(session: Session, rows: Sequence[str]) -> Iterator[record.Record]:
    if "scrape_p99" in rows:
        yield _duration(session)
    if "scrape_effect" in rows:
        yield _effect(session)


def _duration(session: Session) -> record.Record:
    taken: dict[record.Side, list[float]] = {"ours": [], "theirs": []}
    for turn in session.turns():
        for side in turn:
            with session.gateway(side, SHAPE) as started:
                load.ask(started.box, WARM_SECONDS)
                with _scraped(started.box, side) as seconds:
                    load.ask(started.box, 2 * SECONDS)
            session.say(f"scrape {side}: p99 {1000 * _p99(seconds):.0f} ms of {len(seconds)} scrapes")
            taken[side] += seconds
    ours, theirs = (1000 * _p99(taken[side]) for side in record.SIDES)
    medians = {side: record.rounded(1000 * statistics.median(taken[side])) for side in record.SIDES}
    return record.make("scrape_p99", "ms", ours, theirs, medians=medians, scrapes=len(taken["ours"]))


def _effect(session: Session) -> record.Record:
    without: list[float] = []
    during: list[float] = []
    with session.gateway("ours", SHAPE) as started:
        load.ask(started.box, WARM_SECONDS)
        for number in range(2 * ROUNDS):
            # Either comes first in every other round, whatever drifts meanwhile.
            if number % 4 in (0, 3):
                without.append(load.ask(started.box, SECONDS).p99)
            else:
                with _scraped(started.box, "ours"):
                    during.append(load.ask(started.box, SECONDS).p99)
    ratio = statistics.median(during) / statistics.median(without)
    session.say(f"scrape_effect: {ratio:.3f}")
    return record.make("scrape_effect", "of without", ratio, without=without, during=during)


@contextlib.contextmanager
def _scraped(box: Box, side: record.Side) -> Iterator[list[float]]:
    """Scrape once each second; what is yielded gets how many seconds each took. Raises RuntimeError if one fails."""
    port, path = URLS[side]
    url = f"http://127.0.0.1:{box.port(port)}{path}"
    headers = {"Authorization": f"Bearer {load.key(box)}"}
    taken: list[float] = []
    failed: list[str] = []
    ended = threading.Event()

    def scrape() -> None:
        with httpx.Client(headers=headers, timeout=60) as client:
            # The first one starts the process that renders.
            client.get(url)
            while not ended.wait(EACH_SECONDS):
                began = time.monotonic()
                answer = client.get(url)
                taken.append(time.monotonic() - began)
                if "litellm_proxy_total_requests_metric_total" not in answer.text:
                    failed.append(f"{answer.status_code} {answer.text[:200]}")

    thread = threading.Thread(target=scrape, name="scrapes")
    thread.start()
    try:
        yield taken
    finally:
        ended.set()
        thread.join()
    if failed:
        raise RuntimeError(f"{len(failed)} of {len(taken)} scrapes failed: {failed[0]}")


def _p99(values: Sequence[float]) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[-1]
