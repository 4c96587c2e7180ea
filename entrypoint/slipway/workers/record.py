"""A worker's record: a few numbers in shared memory that others read while it runs and after it was killed.

One file a worker in the workers' directory, named by its pid and mapped by the worker. Writing is a store to memory, so
it is cheap enough for every request, and a killed worker leaves behind what was true at that moment.
"""

from __future__ import annotations

import mmap
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Final

# How often a worker shows its progress.
BEAT_SECONDS: Final = 0.5


class Field(IntEnum):
    """Places in a record.

    BEAT, SINCE and ROWS_WAITING are nanoseconds of the monotonic clock: the last progress, when it began to serve, and
    since when rows wait and none is written, 0 without any. LAG is in nanoseconds too, the longest of the last seconds.
    DATABASE is one of Database, SLOT a slot's number. The POOL's are connections of its query engine, and
    queries that wait for one. The rest are counts.
    """

    BEAT = 0
    IN_FLIGHT = 1
    SERVED = 2
    CUT = 3
    ROWS_PENDING = 4
    ROWS_LOST = 5
    DATABASE = 6
    SLOT = 7
    SINCE = 8
    LAG = 9
    ROWS_WAITING = 10
    POOL_OPEN = 11
    POOL_BUSY = 12
    POOL_WAITING = 13


_FORMAT: Final = f"={len(Field)}Q"
_SIZE: Final = struct.calcsize(_FORMAT)


class Database(IntEnum):
    """What a worker knows of its database."""

    NONE = 0
    CONNECTED = 1
    AWAY = 2


@dataclass(frozen=True, slots=True)
class Seen:
    """A record as it was read.

    ``beat``, ``since`` and ``rows_waiting`` are in seconds of the monotonic clock, ``lag`` is a number of them;
    ``served`` leaves health requests and scrapes out.
    """

    pid: int
    beat: float
    in_flight: int
    served: int
    cut: int
    rows_pending: int
    rows_lost: int
    database: Database
    slot: int
    since: float
    lag: float
    rows_waiting: float
    pool_open: int
    pool_busy: int
    pool_waiting: int


class Record:
    """The writing side, for the process that serves. Nothing is visible to others before ``announce``."""

    def __init__(self, directory: Path) -> None:
        """Reserve the memory. Raises OSError when the file system is full or gone."""
        self._hidden = directory / f".{os.getpid()}"
        self._path = directory / str(os.getpid())
        descriptor = os.open(self._hidden, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            # Without blocks of its own, a later write to a full file system would be a SIGBUS.
            os.posix_fallocate(descriptor, 0, mmap.PAGESIZE)
            self._memory = mmap.mmap(descriptor, mmap.PAGESIZE)
        finally:
            os.close(descriptor)
        self.fields = memoryview(self._memory).cast("Q")

    def announce(self) -> None:
        """Show the record: this worker serves. Raises OSError."""
        self._hidden.rename(self._path)

    def account(self, pending: int, lost: int, waiting: int) -> None:
        """Write how many rows of spend only this process has, how many were given up, and since when some wait."""
        self.fields[Field.ROWS_PENDING] = pending
        self.fields[Field.ROWS_LOST] = lost
        self.fields[Field.ROWS_WAITING] = waiting

    def withdraw(self) -> None:
        """Remove the record, unless it tells of a loss, which whoever counts losses has to see."""
        if not any(self.fields[field] for field in (Field.CUT, Field.ROWS_PENDING, Field.ROWS_LOST)):
            self._path.unlink(missing_ok=True)
            self._hidden.unlink(missing_ok=True)


def read(directory: Path) -> Iterator[Seen]:
    """Yield what every announced worker has written, of those that ended without withdrawing too."""
    try:
        names = [entry.name for entry in os.scandir(directory)]
    except OSError:
        return
    for name in names:
        if name.isdecimal() and (seen := read_one(directory, int(name))):
            yield seen


def read_one(directory: Path, pid: int) -> Seen | None:
    """Return the record of ``pid``, None when it has announced none."""
    try:
        with open(directory / str(pid), "rb") as file:
            content = file.read(_SIZE)
        numbers = struct.unpack(_FORMAT, content)
    except (OSError, struct.error):
        return None
    beat, in_flight, served, cut, pending, lost, database, slot, since, lag, waiting, *pool = numbers
    counts = (in_flight, served, cut, pending, lost)
    return Seen(pid, beat / 1e9, *counts, Database(database), slot, since / 1e9, lag / 1e9, waiting / 1e9, *pool)


def forget(directory: Path) -> None:
    """Remove what processes have left that ended before they served."""
    for hidden in directory.glob(".*"):
        if hidden.name[1:].isdecimal() and not runs(int(hidden.name[1:])):
            hidden.unlink(missing_ok=True)


def runs(pid: int) -> bool:
    """Whether a process of this number exists, one that nobody has reaped yet included."""
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True
