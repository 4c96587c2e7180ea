"""What the gateway's state is, read from its workers' records: nothing here waits for a worker."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from slipway.runtime.addresses import reachable
from slipway.runtime.assignment import Assignment
from slipway.workers import record
from slipway.workers.record import Database, Seen

_CONNECT_SECONDS: Final = 1.0
# So many times the time after which a blocked worker is replaced, nobody makes progress: replacing does not help.
_HOPELESS: Final = 3


class Status:
    """Probes and figures. Losses of workers that ended are added up by ``settle``."""

    def __init__(self, assignment: Assignment) -> None:
        self._assignment = assignment
        self._directory = Path(assignment.workers_directory)
        self._listened = False
        self._beat = 0.0
        # A loss moves from a record to the sums; who looks meanwhile must not see it twice, or a counter would go back.
        self._counting = threading.Lock()
        self._cut = 0
        self._rows_lost = 0
        self._shown = 0, 0
        self.began = time.time()
        self._began = time.monotonic()
        self._started_at: float | None = None
        self.draining = False
        self.stopped = False

    def look(self) -> None:
        """Notice that all workers have started; before, the gateway is not ready."""
        if self._started_at is None and len(self.serving()) >= self._assignment.workers:
            self._started_at = time.monotonic()

    @property
    def started(self) -> bool:
        """Whether all workers have served at some time."""
        return self._started_at is not None

    @property
    def start_seconds(self) -> float:
        """How long the workers have taken, or take, to start."""
        return (self._started_at or time.monotonic()) - self._began

    def serving(self) -> list[Seen]:
        """Return the records of workers that run, the youngest last: it holds the slot of one that has just ended."""
        running = (seen for seen in record.read(self._directory) if record.runs(seen.pid))
        return sorted(running, key=lambda seen: seen.since)

    def settle(self) -> None:
        """Take over what workers that are gone have left undone."""
        with self._counting:
            for seen in record.read(self._directory):
                if not record.runs(seen.pid):
                    self._cut += seen.cut + seen.in_flight
                    self._rows_lost += seen.rows_lost + seen.rows_pending
                    (self._directory / str(seen.pid)).unlink(missing_ok=True)
        record.forget(self._directory)

    def live(self) -> str:
        """Return ``alive``, or why a restart of the container would help: ``stopped`` or ``blocked``."""
        if self.stopped:
            return "stopped"
        patience = _HOPELESS * self._assignment.silence_seconds
        if self.started and not self.draining and time.monotonic() - self._latest_beat(self.serving()) > patience:
            return "blocked"
        return "alive"

    def ready(self) -> str:
        """Return ``ready``, or why not: draining, stopped, starting, not listening, blocked or database away."""
        if self.draining:
            return "draining"
        if self.stopped:
            return "stopped"
        self.look()
        serving = self.serving()
        # All workers once; then any, or readiness would drop each time one of them is replaced.
        if not self.started or not serving:
            return "starting"
        if time.monotonic() - self._latest_beat(serving) > self._assignment.silence_seconds:
            return "blocked"
        if self._assignment.needs_database and all(seen.database is Database.AWAY for seen in serving):
            return "database away"
        # A worker is announced a moment before its server listens.
        self._listened = self._listened or _connects(self._assignment.host, self._assignment.port)
        return "ready" if self._listened else "not listening"

    def losses(self) -> tuple[int, int]:
        """Return the requests that were cut and the spend rows that were lost, so far."""
        with self._counting:
            seen = list(record.read(self._directory))
            cut, lost = self._cut + sum(one.cut for one in seen), self._rows_lost + sum(one.rows_lost for one in seen)
            # Records that cannot be read for a moment, for want of descriptors, take nothing back.
            self._shown = max(cut, self._shown[0]), max(lost, self._shown[1])
            return self._shown

    def _latest_beat(self, serving: Iterable[Seen]) -> float:
        """When a worker last made progress, one that is gone since included: another is on its way."""
        self._beat = max([self._beat, *(seen.beat for seen in serving)])
        return self._beat


def _connects(host: str, port: int) -> bool:
    try:
        with socket.create_connection((reachable(host), port), timeout=_CONNECT_SECONDS):
            return True
    except OSError:
        return False
