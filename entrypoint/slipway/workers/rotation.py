"""Who is replaced, and when: one worker at a time, and its replacement serves before it is told to stop.

The process that starts the workers asks ``tick`` for it, twice a second or so: gunicorn's arbiter, uvicorn's parent,
or the supervisor where one worker is all there is.
"""

from __future__ import annotations

import json
import random
import signal
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final, Protocol

from slipway import log
from slipway.processes import resident, tell
from slipway.workers import configuration, record
from slipway.workers.tally import Tally

VARIABLE: Final = "SLIPWAY_ROTATION"
# Longer than a cold start on a machine that is busy with others.
_START_SECONDS: Final = 300.0
# After SIGABRT, which shows where a worker hangs, SIGKILL, which it cannot survive.
_ABORT_SECONDS: Final = 3.0
_LONGEST_PAUSE_SECONDS: Final = 30.0
_HOPELESS_STARTS: Final = 3
# Longer than any server's own rhythm of asking.
_STANDSTILL_SECONDS: Final = 3.0
# A limit below what a fresh worker needs must not become a loop without a pause.
_YOUNG_SECONDS: Final = 60.0


class Reason(StrEnum):
    """Why a worker is started, and from REQUESTS on, why another was replaced."""

    START = "start"
    RETRY = "retry"
    REQUESTS = "requests"
    MEMORY = "memory"
    AGE = "age"
    RELOAD = "reload"
    BLOCKED = "blocked"
    KILLED = "killed"


@dataclass(frozen=True, slots=True)
class Limits:
    """When a worker is replaced; None is never. ``silence`` and ``drain`` are seconds, ``memory`` is in bytes."""

    directory: str
    silence: float
    drain: float
    requests: int | None = None
    jitter: int = 0
    memory: int | None = None
    age: float | None = None

    def text(self) -> str:
        """Return the limits for the variable SLIPWAY_ROTATION."""
        return json.dumps(asdict(self))

    @classmethod
    def parse(cls, text: str) -> Limits:
        """Read what ``text`` wrote."""
        return cls(**json.loads(text))


class Fleet(Protocol):
    """Whoever starts workers and reaps them."""

    @property
    def wanted(self) -> int:
        """How many workers serve."""

    def pids(self) -> Sequence[int]:
        """Return the workers that have not ended, oldest first."""

    def add(self) -> int:
        """Start one more worker and return its pid."""


class Hopeless(Exception):
    """No worker serves, and none can be started."""


class Rotation:
    """Keeps as many workers serving as are wanted, and replaces those that are due."""

    def __init__(self, fleet: Fleet, limits: Limits, clock: Callable[[], float] = time.monotonic) -> None:
        self._fleet = fleet
        self._limits = limits
        self._clock = clock
        self._directory = Path(limits.directory)
        self.tally = Tally(self._directory)
        self._complete = False
        self._born: dict[int, float] = {}
        self._budgets: dict[int, int] = {}
        self._starting: set[int] = set()
        # Whom a worker that starts will replace, and why.
        self._replaces: dict[int, tuple[int, Reason]] = {}
        # Those told to stop: why, and until when they may take.
        self._leaving: dict[int, tuple[Reason, float]] = {}
        self._aborted: dict[int, float] = {}
        # Why workers that are missing are.
        self._vacant: list[Reason] = []
        # Numbers of configurations: the one in force, the last that a worker has served with, and each worker's own.
        self._latest = self._current = self._proven = 0
        self._generation: dict[int, int] = {}
        self._reloading = False
        # So many starts in a row, each begun after the one before it had failed.
        self._failures = 0
        self._failed_at = self._pause_until = 0.0
        self._last_tick = clock()
        self._patient_until = 0.0

    @property
    def complete(self) -> bool:
        """Whether all workers have served at some time: until then a worker that cannot start ends the server."""
        return self._complete

    def reload(self) -> None:
        """Put in force the configuration that was proposed, and replace every worker there is, one after the other."""
        try:
            configuration.accept(self._directory)
        except OSError as problem:
            self.tally.count_reload(done=False)
            log.line(f"reload: given up: the configuration cannot be kept: {problem.strerror}", level="error")
            return
        self._latest += 1
        self._current = self._latest
        self._reloading = True
        self._failures = 0
        self._pause_until = 0.0

    def tick(self) -> None:
        """Do what is due now. Raises Hopeless."""
        now = self._clock()
        if now - self._last_tick > max(self._limits.silence / 2, _STANDSTILL_SECONDS):
            # This process stood still too (docker pause, a starved machine): silence proves nothing yet.
            self._patient_until = now + self._limits.silence
        self._last_tick = now
        pids = list(self._fleet.pids())
        self._adopt(pids, now)
        self._count_out(set(pids), now)
        seen = {pid: found for pid in pids if (found := record.read_one(self._directory, pid))}
        self._welcome(seen)
        if not self._complete and len(seen) >= self._fleet.wanted:
            self._complete, self._failures = True, 0
        self._end_overdue(now)
        self._abort_blocked(seen, now)
        self._fill(pids, now)
        if self._complete:
            self._replace(seen, now)
        self.tally.configured(self._current + 1, len(self._outdated(self._generation)))

    def _adopt(self, pids: Sequence[int], now: float, reason: Reason = Reason.START) -> None:
        for pid in pids:
            if pid not in self._born:
                self.tally.count_start(reason)
                self._born[pid] = now
                self._starting.add(pid)
                self._generation[pid] = self._current
                jitter = random.randint(0, self._limits.jitter) if self._limits.jitter else 0
                self._budgets[pid] = (self._limits.requests or 0) + jitter

    def _count_out(self, alive: set[int], now: float) -> None:
        for pid in [pid for pid in self._born if pid not in alive]:
            leaving = pid in self._leaving
            reason, _ = self._leaving.pop(pid, (Reason.KILLED, 0.0))
            if pid in self._aborted:
                reason = Reason.BLOCKED
            failed = pid in self._starting
            generation = self._generation.pop(pid, self._current)
            born = self._born.pop(pid)
            for known in (self._budgets, self._aborted):
                known.pop(pid, None)
            # Its replacement simply takes its place.
            replaced = any(old == pid for old, _ in self._replaces.values())
            self._replaces = {new: pair for new, pair in self._replaces.items() if pair[0] != pid}
            self._starting.discard(pid)
            if failed:
                self._failed_to_start(pid, generation, born, now)
            else:
                self.tally.count_exit(reason)
                if not leaving and not replaced:
                    self._vacant.append(reason)
                if reason is Reason.KILLED:
                    log.line(f"worker {pid} ended unasked; another takes its place", level="error")
                    if not self._complete:
                        # For want of memory, say: the one that started last pushes out one that serves.
                        self._count_failure(max(born, *self._born.values()), now)

    def _failed_to_start(self, pid: int, generation: int, born: float, now: float) -> None:
        self._replaces.pop(pid, None)
        self.tally.count_failed_start()
        log.line(f"worker {pid} could not start; the log above says why, or it was killed (memory?)", level="error")
        self._count_failure(born, now)
        # Of an earlier one says nothing about the one that is being taken over.
        unproven = self._current != self._proven
        if self._reloading and generation == self._current and (unproven or self._failures >= _HOPELESS_STARTS):
            self._give_up()

    def _count_failure(self, began: float, now: float) -> None:
        """Wait before the next start; ``began`` is when the one that failed did. Raises Hopeless."""
        if began < self._failed_at:
            # Several that started together are one failure.
            return
        self._failures += 1
        self._failed_at = now
        self._pause_until = now + min(2.0 ** (self._failures - 1), _LONGEST_PAUSE_SECONDS)
        serving = len(self._born) - len(self._starting) - len(self._leaving)
        # Those that serve go on without one that cannot start; before all have, the gateway is not ready for anybody.
        if self._failures >= _HOPELESS_STARTS and not (self._complete and serving):
            raise Hopeless

    def _give_up(self) -> None:
        if self._current != self._proven:
            configuration.revert(self._directory)
            self._current = self._proven
            # Those that an earlier reload has not reached yet are due for what it brought.
            self._reloading = bool(self._outdated(self._generation))
            state = "the configuration in force stays"
        else:
            self._reloading = False
            state = f"{len(self._outdated(self._generation))} workers go on with the earlier configuration"
        self.tally.count_reload(done=False)
        log.line(f"reload: given up: a worker could not start with it, the log above says why; {state}", level="error")

    def _outdated(self, pids: Iterable[int]) -> list[int]:
        return [pid for pid in pids if self._generation[pid] != self._current and pid not in self._leaving]

    def _welcome(self, seen: Mapping[int, record.Seen]) -> None:
        for pid in self._starting & seen.keys():
            self._starting.discard(pid)
            if self._complete:
                self._failures = 0
            old, reason = self._replaces.pop(pid, (0, Reason.KILLED))
            # One that was starting when a reload began proves nothing about it.
            if self._generation[pid] == self._current != self._proven:
                self._proven = self._current
                configuration.prove(self._directory)
            if old in self._born and old not in self._leaving:
                self._dismiss(old, reason)

    def _dismiss(self, pid: int, reason: Reason) -> None:
        self._leaving[pid] = (reason, self._clock() + self._limits.drain)
        tell(pid, signal.SIGTERM)

    def _end_overdue(self, now: float) -> None:
        for pid, (_, deadline) in self._leaving.items():
            if now >= deadline:
                log.line(f"worker {pid} did not finish in {self._limits.drain:g} s and is killed", level="error")
                tell(pid, signal.SIGKILL)
        # The first start takes what it takes: whoever runs the container has a probe for it.
        for pid in self._starting if self._complete else ():
            if now - self._born[pid] >= _START_SECONDS:
                log.line(f"worker {pid} did not start in {_START_SECONDS:g} s and is killed", level="error")
                tell(pid, signal.SIGKILL)
        for pid, deadline in self._aborted.items():
            if now >= deadline:
                tell(pid, signal.SIGKILL)

    def _abort_blocked(self, seen: Mapping[int, record.Seen], now: float) -> None:
        if now < self._patient_until:
            return
        for pid, found in seen.items():
            silence = now - found.beat
            if silence > self._limits.silence and pid not in self._aborted and pid not in self._leaving:
                self._aborted[pid] = now + _ABORT_SECONDS
                log.line(
                    f"worker {pid} has made no progress for {silence:.0f} s (its event loop is blocked) and is "
                    "replaced; where it stood follows",
                    level="error",
                )
                tell(pid, signal.SIGABRT)

    def _fill(self, pids: Sequence[int], now: float) -> None:
        """Start workers for those that are missing: all at once at first, later one at a time."""
        missing = self._fleet.wanted - sum(pid not in self._leaving for pid in pids) + len(self._replaces)
        if missing <= 0 or now < self._pause_until or (self._complete and self._failures and self._starting):
            return
        for _ in range(missing):
            reason = self._vacant[0] if self._vacant else Reason.RETRY if self._complete else Reason.START
            if self._add(now, reason) is None:
                return
            del self._vacant[:1]

    def _add(self, now: float, reason: Reason) -> int | None:
        try:
            pid = self._fleet.add()
        except OSError as problem:
            # The container's limit of processes or of memory: those that serve go on.
            log.line(f"no worker can be started: {problem.strerror}", level="error")
            self.tally.count_failed_start()
            self._count_failure(now, now)
            return None
        self._adopt([pid], now, reason)
        return pid

    def _replace(self, seen: Mapping[int, record.Seen], now: float) -> None:
        if self._replaces or self._starting or now < self._pause_until:
            return
        staying = [pid for pid in seen if pid not in self._leaving and pid not in self._aborted]
        if self._reloading:
            outdated = self._outdated(staying)
            if not outdated:
                self._end_reload(staying)
                return
            due: tuple[int, Reason] | None = (min(outdated, key=self._born.__getitem__), Reason.RELOAD)
        elif self._leaving:
            return
        else:
            due = next(filter(None, (self._due(seen[pid], now) for pid in staying)), None)
        if due is None:
            return
        if due[1] is not Reason.RELOAD:
            log.line(f"worker {due[0]} is replaced ({due[1]})")
        pid = self._add(now, due[1])
        if pid is not None:
            self._replaces[pid] = due

    def _end_reload(self, staying: Sequence[int]) -> None:
        """Call it done, unless a worker is missing, which will show whether it can start."""
        if len(staying) >= self._fleet.wanted and not self._aborted:
            self._reloading = False
            self.tally.count_reload(done=True)
            log.line("reload: done: every worker has the new configuration")

    def _due(self, found: record.Seen, now: float) -> tuple[int, Reason] | None:
        limits, pid = self._limits, found.pid
        if limits.requests and found.served >= self._budgets[pid]:
            return pid, Reason.REQUESTS
        if limits.memory and now - self._born[pid] >= _YOUNG_SECONDS and (resident(pid) or 0) >= limits.memory:
            return pid, Reason.MEMORY
        if limits.age and now - self._born[pid] >= limits.age:
            return pid, Reason.AGE
        return None
