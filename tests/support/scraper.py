"""Scrapes of a gateway's metrics while something else goes on, and what a counter did wrong meanwhile."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import httpx
from prometheus_client.parser import text_string_to_metric_families

from tests.support.gateway import MASTER_KEY, Gateway

Series = tuple[str, frozenset[tuple[str, str]]]
# LiteLLM's own, where /metrics redirects to, and the supervisor's.
ENDPOINTS = ("gateway", "management")


def parsed(text: str) -> Iterator[tuple[str, Series, float]]:
    """Each sample with its family's type."""
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            yield family.type, (sample.name, frozenset(sample.labels.items())), sample.value


def scrape(running: Gateway, endpoint: str) -> str:
    """What one of the two endpoints shows."""
    if endpoint == "gateway":
        answer = httpx.get(f"{running.url}/metrics/", headers={"Authorization": f"Bearer {MASTER_KEY}"}, timeout=60)
    else:
        answer = running.management("/metrics")
    assert answer.status_code == 200, answer.text
    return answer.text


def total(text: str, name: str, **labels: str) -> float:
    """The sum of the samples with this name and these labels."""
    return sum(
        value for _, (found, having), value in parsed(text) if found == name and labels.items() <= dict(having).items()
    )


@dataclass
class Scraper:
    """Scrapes both endpoints by turns, as fast as they answer, from its begin to its end."""

    running: Gateway
    pause_seconds: float = 0.1
    scrapes: int = 0
    # Series of counters and histograms that went down or went away.
    wrong: list[str] = field(default_factory=list)
    # Scrapes without an answer, by endpoint.
    failed: Counter[str] = field(default_factory=Counter)
    _ended: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._run, name="scraper")
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
        print(f"{self.scrapes} scrapes")

    def _run(self) -> None:
        latest: dict[str, Mapping[Series, float]] = {endpoint: {} for endpoint in ENDPOINTS}
        while not self._ended.wait(self.pause_seconds):
            for endpoint in ENDPOINTS:
                try:
                    text = scrape(self.running, endpoint)
                except (httpx.HTTPError, AssertionError) as problem:
                    print(f"{endpoint}: {problem!r}")
                    self.failed[endpoint] += 1
                    continue
                found = {series: value for kind, series, value in parsed(text) if kind in ("counter", "histogram")}
                for series, value in latest[endpoint].items():
                    now = found.get(series)
                    if now is None or now < value:
                        self.wrong.append(f"{endpoint}: {series} was {value!r} and is {now!r}")
                latest[endpoint] = found
                self.scrapes += 1
