"""What the gateway's state is, read from its workers' records: nothing here waits for a worker."""

from __future__ import annotations

import socket
import threading
import time
from pathlib import Path
from typing import Final

from slipway.runtime.addresses import reachable
from slipway.runtime.assignment import Assignment
from slipway.workers import record, tally
from slipway.workers.record import Database, Seen
from slipway.workers.rotation import Reason

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
        self.started = False
        self.draining = False
        self.stopped = False

    def look(self) -> None:
        """Notice that all workers have started; before, the gateway is not ready."""
        self.started = self.started or len(self.serving()) >= self._assignment.workers

    def serving(self) -> list[Seen]:
        """Return the records of workers that run."""
        return [seen for seen in record.read(self._directory) if record.runs(seen.pid)]

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
        if self.started and not self.draining and time.monotonic() - self._latest_beat() > patience:
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
        if time.monotonic() - self._latest_beat() > self._assignment.silence_seconds:
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
            return self._cut + sum(one.cut for one in seen), self._rows_lost + sum(one.rows_lost for one in seen)

    def metrics(self, *, refused: int) -> str:
        """Return the figures in Prometheus' text format; ``refused`` are the reloads that were not even begun."""
        serving = self.serving()
        cut, lost = self.losses()
        counted, reloaded = tally.read(self._directory)
        # Each series is there before its first event, or `increase()` would not see that one.
        exits = {str(reason): 0 for reason in Reason} | counted
        reloads = {"done": reloaded["done"], "refused": reloaded["refused"] + refused}
        lines: list[str] = []

        def add(name: str, kind: str, help: str, *samples: tuple[str, int]) -> None:
            lines.extend([f"# HELP {name} {help}", f"# TYPE {name} {kind}"])
            lines.extend(f"{name}{labels} {value}" for labels, value in samples)

        def labelled(name: str, counts: dict[str, int]) -> list[tuple[str, int]]:
            return [(f'{{{name}="{value}"}}', count) for value, count in sorted(counts.items())]

        add("slipway_ready", "gauge", "1 while the gateway is ready.", ("", int(self.ready() == "ready")))
        add("slipway_draining", "gauge", "1 while the gateway drains.", ("", int(self.draining)))
        add("slipway_workers", "gauge", "Workers that serve or finish what they have.", ("", len(serving)))
        in_flight = sum(seen.in_flight for seen in serving)
        add("slipway_requests_in_flight", "gauge", "Requests being served.", ("", in_flight))
        add("slipway_requests_cut_total", "counter", "Requests that ended with their worker, unanswered.", ("", cut))
        pending = sum(seen.rows_pending for seen in serving)
        add("slipway_spend_rows_pending", "gauge", "Rows of spend that only a worker's memory holds.", ("", pending))
        add("slipway_spend_rows_lost_total", "counter", "Rows of spend that were lost, at most.", ("", lost))
        add("slipway_worker_exits_total", "counter", "Workers that ended, by reason.", *labelled("reason", exits))
        add("slipway_reloads_total", "counter", "Reloads of the configuration.", *labelled("result", reloads))
        return "\n".join(lines) + "\n"

    def _latest_beat(self) -> float:
        """When a worker last made progress, one that is gone since included: another is on its way."""
        self._beat = max([self._beat, *(seen.beat for seen in self.serving())])
        return self._beat


def _connects(host: str, port: int) -> bool:
    try:
        with socket.create_connection((reachable(host), port), timeout=_CONNECT_SECONDS):
            return True
    except OSError:
        return False
