"""Clients that ask a gateway without pause, each request answered before the next, until they are stopped."""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import httpx

# A client's own pause between two requests, so that eight of them leave the machine to the gateway.
PAUSE_SECONDS = 0.05
_ASKED = {"model": "mock", "messages": [{"role": "user", "content": "hello"}]}


@dataclass
class Load:
    """`answers` are the ids of those that came, by the moment of the request; `failures` counts what came instead."""

    url: str
    key: str
    clients: int = 8
    answers: list[tuple[float, str]] = field(default_factory=list)
    failures: Counter[str] = field(default_factory=Counter)
    _ended: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._threads = [threading.Thread(target=self._ask) for _ in range(self.clients)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    @property
    def ids(self) -> set[str]:
        """The ids of all answers."""
        return {answer for _, answer in list(self.answers)}

    def served(self, since: float) -> int:
        """How many requests were made after `since`, in seconds of the monotonic clock, and have been answered."""
        return sum(moment > since for moment, _ in list(self.answers))

    def _ask(self) -> None:
        headers = {"Authorization": f"Bearer {self.key}"}
        with httpx.Client(timeout=120, headers=headers) as client:
            while not self._ended.wait(PAUSE_SECONDS):
                moment = time.monotonic()
                try:
                    answer = client.post(f"{self.url}/v1/chat/completions", json=_ASKED)
                except httpx.TransportError as error:
                    self.failures[repr(error)] += 1
                    continue
                if answer.status_code == 200:
                    self.answers.append((moment, answer.json()["id"]))
                else:
                    self.failures[f"{answer.status_code} {answer.text[:300]}"] += 1
