"""A name for each worker alive, taken over by the next when its holder ends: it stands in metrics in place of a pid.

A slot is held by a file lock, which the kernel takes from a process that is killed. prometheus_client names its files
by it: by pid, each worker that is recycled would leave files behind that every scrape reads again. A slot's counters go
on where its last holder left them; its gauges, which describe a process, go.

Names are no numbers: LiteLLM takes a number in a file's name for a pid (litellm/proxy/prometheus_cleanup.py). Nor do
they hold an underscore, which parts a file's name (prometheus_client/multiprocess.py).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import Final

from slipway.handed_on import essentials

WORKERS_VARIABLE: Final = "SLIPWAY_WORKERS_DIR"
FILES_VARIABLE: Final = "PROMETHEUS_MULTIPROC_DIR"
_DIRECTORY: Final = "slots"
_LEASES: Final = "leases"
# The process that workers are forked from: what it writes counts for nobody.
_PARENT: Final = "parent"
# What LiteLLM's own metrics process imports is LiteLLM, which wants to know where its prices are.
_OF_METRICS: Final = ("PROMETHEUS_", "SLIPWAY_PATCH_", "LITELLM_", "JSON_LOGS")


def slot_name(number: int) -> str:
    """Return the name of the slot with this number."""
    return f"w{number}"


class Slots:
    """The slots in ``directory``, as one process sees them; ``files`` are the metrics' own, None without any."""

    def __init__(self, directory: Path, files: Path | None) -> None:
        self._directory = directory
        self._files = files
        self._number: int | None = None
        self._inherited: int | None = None
        self._lock = -1
        self._taking = threading.Lock()
        self._is_parent = False
        os.register_at_fork(after_in_child=self._forget)

    def number(self) -> int:
        """Return the number of this process's slot, which it takes when first asked. Raises OSError."""
        if self._number is not None:
            return self._number
        with self._taking:
            if self._number is None:
                self._number = self._take()
            return self._number

    def name(self) -> str:
        """Return the name of this process's slot, which it takes when first asked. Raises OSError."""
        return _PARENT if self._is_parent else slot_name(self.number())

    def stay_parent(self) -> None:
        """Take no slot in this process: it imports the application, and forks workers."""
        self._is_parent = True

    def forget_parent(self) -> None:
        """Remove the files that importing has left in the process that workers are forked from. Raises OSError."""
        for path in self._files.glob(f"*_{_PARENT}.db") if self._files else ():
            path.unlink(missing_ok=True)

    def sweep(self) -> None:
        """Remove the gauges of slots that nobody holds; another time when one is being taken. Raises OSError."""
        if self._files is None or not self._directory.is_dir():
            return
        with contextlib.suppress(BlockingIOError), self._leasing(wait=False):
            for path in self._directory.glob("w*"):
                lock = _try(path)
                if lock >= 0:
                    try:
                        self._drop_gauges(path.name)
                    finally:
                        _release(lock)

    def _take(self) -> int:
        self._directory.mkdir(exist_ok=True)
        with self._leasing():
            for number in count():
                # prometheus_client would not notice that another holds the name it had before a fork.
                lock = -1 if number == self._inherited else _try(self._directory / slot_name(number))
                if lock >= 0:
                    self._lock = lock
                    self._drop_gauges(slot_name(number))
                    return number
        raise AssertionError("count() ended")

    def _drop_gauges(self, slot: str) -> None:
        # Those of the other modes (max, mostrecent …) are meant to outlive their process.
        for mode in ("all", "live*"):
            for path in self._files.glob(f"gauge_{mode}_{slot}.db") if self._files else ():
                path.unlink(missing_ok=True)

    def _forget(self) -> None:
        # The lock stays its parent's: closing a copy of its descriptor does not release it.
        if self._lock >= 0:
            os.close(self._lock)
        self._inherited = self._number
        self._number, self._lock, self._taking, self._is_parent = None, -1, threading.Lock(), False

    @contextlib.contextmanager
    def _leasing(self, *, wait: bool = True) -> Iterator[None]:
        """One process at a time looks for a free slot, or a sweep would make one look taken for a moment."""
        lock = os.open(self._directory / _LEASES, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            yield
        finally:
            _release(lock)


def _release(lock: int) -> None:
    # A process that was forked meanwhile shares the lock, which closing our descriptor would leave to it.
    fcntl.flock(lock, fcntl.LOCK_UN)
    os.close(lock)


def _try(path: Path) -> int:
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return -1
    return lock


_own: Slots | None = None


def own() -> Slots | None:
    """Return this process's view of the gateway's slots, None outside a gateway."""
    global _own
    workers = os.environ.get(WORKERS_VARIABLE)
    if _own is None and workers:
        files = os.environ.get(FILES_VARIABLE)
        _own = Slots(Path(workers) / _DIRECTORY, Path(files) if files else None)
    return _own


def for_reading(environment: Mapping[str, str]) -> dict[str, str]:
    """Return what one needs of ``environment`` who only reads metrics: no secret.

    Nor the directory of the files, with which importing prometheus_client takes a slot.
    """
    needed = essentials(environment, prefixes=_OF_METRICS)
    return {name: value for name, value in needed.items() if name != FILES_VARIABLE}


def identifier() -> Callable[[], str | int]:
    """Return what prometheus_client names this process's files by: its slot, outside a gateway its pid."""
    slots = own()
    return slots.name if slots else os.getpid
