"""The worker's side: counts requests, shows that its event loop makes progress, tells clients when it is leaving."""

from __future__ import annotations

import asyncio
import faulthandler
import os
import sys
import time
from collections import deque
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any, Final

from slipway.workers import drain_flag, slots
from slipway.workers.record import BEAT_SECONDS, Database, Field, Record

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]
# False when the database cannot be reached, None where there is none; raises nothing, and may take its time.
Probe = Callable[[], Awaitable[bool | None]]
# Connections of the query engine that are open and busy, and queries that wait for one; None where there is none.
Pool = Callable[[], Awaitable[tuple[int, int, int] | None]]

# The longest of so many beats is shown: as many as fit between two scrapes.
_LAGS: Final = 30
# Answers that the operator's own machinery asks for, not clients.
_OPERATIONAL: Final = ("/health", "/metrics")
_CLOSE: Final = (b"connection", b"close")
_PROBE_SECONDS: Final = 2.0
_POOL_SECONDS: Final = 5.0
# Probes and scrapes are answered by other processes, which go first where processors are scarce.
_NICE: Final = 10
_POOL: Final = (Field.POOL_OPEN, Field.POOL_BUSY, Field.POOL_WAITING)
# So many refusals in a row before a database counts as away; one answer brings it back.
_REFUSALS: Final = 3
# A probe that gets no answer in time proves little: this worker may be the one that is busy. So it takes more of them.
_ANSWER_SECONDS: Final = 10.0
_SILENCES: Final = 6


class Serving:
    """One worker: ``start`` once it serves, ``handle`` for each connection, ``stop`` when it has ended."""

    def __init__(self, directory: Path) -> None:
        """``directory`` is the workers' directory. Raises OSError when the record cannot be made."""
        # Of this thread, and whatever it starts from now on: LiteLLM's threads, the query engine.
        os.setpriority(os.PRIO_PROCESS, 0, max(_NICE, os.getpriority(os.PRIO_PROCESS, 0)))
        self.record = Record(directory)
        self.fields = self.record.fields
        self._leaving = False
        self._draining = drain_flag.attach(directory)
        if own := slots.own():
            self.fields[Field.SLOT] = own.number()
        self._tasks: list[asyncio.Task[None]] = []
        roots = [os.environ.get("SERVER_ROOT_PATH", ""), *os.environ.get("SERVER_ROOT_PATHS", "").split(",")]
        # A proxy in front may cut that path or leave it.
        prefixes = {"", *(root.strip().rstrip("/") for root in roots)}
        self._operational = tuple(f"{prefix}{path}" for prefix in prefixes for path in _OPERATIONAL)

    def start(self, probe: Probe, pool: Pool) -> None:
        """Announce the worker and begin to show its progress. Raises OSError."""
        # SIGABRT tells where every thread stands, before it ends the process. The launcher has forbidden core files.
        faulthandler.enable(sys.__stderr__ or sys.stderr)
        self._beat()
        self.fields[Field.SINCE] = time.monotonic_ns()
        self.record.announce()
        self._tasks = [asyncio.create_task(task) for task in (self._progress(), self._watch(probe), self._count(pool))]

    async def stop(self) -> None:
        """End the tasks and withdraw the record."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.record.withdraw()

    async def handle(self, application: Application, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one connection of ``application`` and count it while it lasts."""
        fields = self.fields
        fields[Field.IN_FLIGHT] += 1
        if scope["type"] == "http" and scope["http_version"].startswith("1"):
            send = self._closing(send)
        try:
            await application(scope, receive, send)
        except asyncio.CancelledError:
            # Servers cancel a request for one reason: the time to finish it is over.
            fields[Field.CUT] += 1
            raise
        finally:
            fields[Field.IN_FLIGHT] -= 1
            if not scope["path"].startswith(self._operational):
                fields[Field.SERVED] += 1

    @property
    def leaving(self) -> bool:
        """Whether every answer tells its client to close the connection."""
        return self._leaving or self._draining[0] != 0

    def leave(self) -> None:
        """Tell clients from now on; the gateway goes on with other workers."""
        self._leaving = True

    def _closing(self, send: Send) -> Send:
        async def send_perhaps_close(message: Message) -> None:
            if message["type"] == "http.response.start" and self.leaving:
                message = {**message, "headers": [*message.get("headers", ()), _CLOSE]}
            await send(message)

        return send_perhaps_close

    def _beat(self) -> None:
        self.fields[Field.BEAT] = time.monotonic_ns()

    async def _progress(self) -> None:
        lags = deque([0], maxlen=_LAGS)
        while True:
            self._beat()
            due = time.monotonic_ns() + int(BEAT_SECONDS * 1e9)
            await asyncio.sleep(BEAT_SECONDS)
            lags.append(max(0, time.monotonic_ns() - due))
            self.fields[Field.LAG] = max(lags)

    async def _watch(self, probe: Probe) -> None:
        refusals = silences = 0
        while True:
            try:
                answer = await asyncio.wait_for(probe(), _ANSWER_SECONDS)
            except TimeoutError:
                silences += 1
            else:
                refusals = refusals + 1 if answer is False else 0
                silences = 0
                if answer is not False:
                    self.fields[Field.DATABASE] = Database.NONE if answer is None else Database.CONNECTED
            if refusals >= _REFUSALS or silences >= _SILENCES:
                self.fields[Field.DATABASE] = Database.AWAY
            await asyncio.sleep(_PROBE_SECONDS)

    async def _count(self, pool: Pool) -> None:
        while True:
            await asyncio.sleep(_POOL_SECONDS)
            try:
                counts = await asyncio.wait_for(pool(), _ANSWER_SECONDS)
            except TimeoutError:
                counts = None
            for field, count in zip(_POOL, counts or (0, 0, 0), strict=True):
                self.fields[field] = max(0, count)


_current: Serving | None = None


def enter(directory: Path) -> Serving:
    """Make this process's worker. Raises OSError."""
    global _current
    _current = Serving(directory)
    return _current


def current() -> Serving | None:
    """Return this process's worker, None in a process that serves nothing."""
    return _current
