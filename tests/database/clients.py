"""Clients without a pause, every second one streaming, which note what was complete and go away with the gateway."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import httpx

ASKED = {"model": "mock", "messages": [{"role": "user", "content": "hello"}]}


@dataclass
class Clients:
    """`answered` are the ids of complete answers and their moments (monotonic seconds); `refused` what else came."""

    url: str
    key: str
    number: int = 20
    answered: dict[str, float] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    _ended: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._threads = [threading.Thread(target=self._ask, args=(bool(each % 2),)) for each in range(self.number)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def end(self) -> None:
        """Let each client finish its request."""
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, stream: bool) -> None:
        with httpx.Client(timeout=120, headers={"Authorization": f"Bearer {self.key}"}) as client:
            while not self._ended.is_set():
                try:
                    self._one(client, stream)
                except httpx.TransportError:
                    # The gateway goes, or a worker of it: the request was not answered.
                    self._ended.wait(0.05)

    def _one(self, client: httpx.Client, stream: bool) -> None:
        url = f"{self.url}/v1/chat/completions"
        with client.stream("POST", url, json={**ASKED, "stream": stream}) as answer:
            if answer.status_code != 200:
                self.refused.append(f"{answer.status_code} {answer.read()[:300]!r}")
            elif stream:
                lines = [line.removeprefix("data: ") for line in answer.iter_lines() if line]
                if lines[-1] == "[DONE]":
                    self.answered[json.loads(lines[0])["id"]] = time.monotonic()
            else:
                answer.read()
                self.answered[answer.json()["id"]] = time.monotonic()


def once(url: str, key: str, *, stream: bool) -> str:
    """The id of one complete answer."""
    clients = Clients(url, key)
    with httpx.Client(timeout=120, headers={"Authorization": f"Bearer {key}"}) as client:
        clients._one(client, stream)
    (answer,) = clients.answered
    return answer
