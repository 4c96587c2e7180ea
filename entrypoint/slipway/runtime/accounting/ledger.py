"""What has been answered and is not in the database yet: a count that is right whenever a worker is killed.

Nothing here knows LiteLLM. Changes are made in the worker's event loop and, rarely, in its threads; each is one
operation of a set, so that none is lost between two threads.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

# Called with (pending, lost, waiting) after each change; has to be quick and must not raise.
Observer = Callable[[int, int, int], None]


class Due:
    """A request that was answered and has no row yet. It stays open until the row is queued or its last holder ends."""

    __slots__ = ("__weakref__", "_ledger", "failed", "holders")

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.holders = 0
        self.failed = False

    @property
    def open(self) -> bool:
        """Whether its row is still to come."""
        return id(self) in self._ledger.answered

    def close(self) -> None:
        """No row will come, or it is counted elsewhere."""
        self._ledger.close(self)

    def release(self) -> None:
        """One holder has ended; after the last one a row that failed is lost, and one that is not wanted is closed."""
        self.holders -= 1
        if self.holders <= 0 and self.open:
            if self.failed:
                self._ledger.lose(1)
            self.close()

    def __del__(self) -> None:
        # What nobody holds any more never gets a row: its handler was made and not run.
        if self.open:
            self.close()


class Ledger:
    """Counts requests from answer to row. ``lost`` are rows that LiteLLM has given up."""

    def __init__(self) -> None:
        self.answered: set[int] = set()
        self.rows: set[str] = set()
        # Those of them that outlive the worker.
        self.kept: set[str] = set()
        # Sums of keys, teams and users that are being added up; no rows.
        self.sums: set[int] = set()
        self.lost = 0
        # Since when rows wait of which none is written, in nanoseconds of the monotonic clock.
        self._waiting = 0
        self._observer: Observer | None = None

    @property
    def pending(self) -> int:
        """How many rows a kill at this moment would lose."""
        return len(self.answered) + len(self.rows) - len(self.kept)

    @property
    def waiting(self) -> int:
        """Since when rows wait and none of them is written, in nanoseconds of the monotonic clock; 0 for no rows."""
        return self._waiting if self.rows else 0

    @property
    def busy(self) -> bool:
        """Whether something is on its way to LiteLLM's queues."""
        return bool(self.answered or self.sums)

    def observe(self, observer: Observer | None) -> None:
        """Tell ``observer`` each change from now on, and the present state at once."""
        self._observer = observer
        self._changed()

    def due(self) -> Due:
        """Count a request whose answer is about to go out."""
        due = Due(self)
        self.answered.add(id(due))
        self._changed()
        return due

    def close(self, due: Due) -> None:
        """Count the request no longer."""
        self.answered.discard(id(due))
        self._changed()

    def queue(self, rows: Iterable[str], due: Due | None = None, kept: Iterable[str] = ()) -> None:
        """Count rows by their ids, in the place of the request that they belong to; some are ``kept`` in a spool."""
        if not self.rows:
            self._waiting = time.monotonic_ns()
        self.rows.update(rows)
        self.kept.update(kept)
        if due is not None:
            self.answered.discard(id(due))
        self._changed()

    def store(self, rows: Iterable[str]) -> None:
        """These rows are in the database."""
        stored = self.rows.intersection(rows)
        if stored:
            self._waiting = time.monotonic_ns()
        self.kept -= stored
        self.rows -= stored
        self._changed()

    def give_up(self, rows: Iterable[str]) -> None:
        """LiteLLM has dropped these rows."""
        lost = self.rows.intersection(rows)
        self.kept -= lost
        self.rows -= lost
        self.lose(len(lost))

    def lose(self, number: int) -> None:
        """Count rows that LiteLLM has dropped."""
        self.lost += number
        self._changed()

    def _changed(self) -> None:
        if self._observer is not None:
            self._observer(self.pending, self.lost, self.waiting)
