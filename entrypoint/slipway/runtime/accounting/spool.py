"""Records that outlive the worker that made them, on a local file system, until they are marked as done.

A worker has a directory of its own and holds the lock in it for as long as it lives; the kernel takes the lock from one
that is killed, and whoever gets it next takes the records over. Lines are appended without fsync: they survive the
process, not the machine. A full disk, or more than the limit, leaves records out and never fails a caller.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

from slipway import log

_LOCK: Final = "lock"
_NEW: Final = ".new-"
_ASIDE: Final = "refused-"
# What one worker may keep: LiteLLM's own bound of its queue in memory (SPEND_LOG_QUEUE_MAX_BYTES).
LIMIT_BYTES: Final = 64_000_000
SEGMENT_BYTES: Final = 1_000_000
# A full disk is said so often, not for each request.
_SILENCE_SECONDS: Final = 60.0

# What was noted about a record, in the record.
PARTS: Final = "parts"

Key = tuple[str, str]


@dataclass
class _Segment:
    path: Path
    descriptor: int
    size: int = 0
    open: set[Key] = field(default_factory=set)


class Spool:
    """One worker's records, in segments that are deleted when everything in them is done."""

    def __init__(self, root: Path, limit: int = LIMIT_BYTES, segment: int = SEGMENT_BYTES) -> None:
        """Make a directory below ``root`` and lock it. Raises OSError."""
        root.mkdir(parents=True, exist_ok=True)
        name = secrets.token_hex(8)
        made = root / f"{_NEW}{name}"
        made.mkdir(mode=0o700)
        self._lock = os.open(made / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self.directory = made.rename(root / name)
        self._limit, self._segment_bytes = limit, segment
        self._segments: list[_Segment] = []
        self._place: dict[Key, _Segment] = {}
        self._number = 0
        self._silent_until = 0.0

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return sum(segment.size for segment in self._segments)

    def put(self, kind: str, id: str, record: object) -> bool:
        """Keep ``record`` until it is done; returns False when it could not be kept."""
        if (kind, id) in self._place:
            return True
        try:
            line = json.dumps([kind, id, record], default=_plain).encode() + b"\n"
            if self.size + len(line) > self._limit:
                raise OSError("the limit is reached")
            segment = self._current()
            _write(segment, line)
        except (OSError, TypeError, ValueError) as problem:
            self._complain(problem)
            return False
        segment.open.add((kind, id))
        self._place[kind, id] = segment
        return True

    def done(self, kind: str, ids: Iterable[str]) -> None:
        """Nobody needs to take these over."""
        for segment, marked in self._by_segment(kind, ids):
            for id in marked:
                segment.open.discard((kind, id))
                del self._place[kind, id]
            with contextlib.suppress(OSError):
                self._mark(segment, kind, marked)

    def note(self, kind: str, ids: Iterable[str], part: str) -> None:
        """Add ``part`` to what a reader finds under PARTS in these records."""
        for segment, marked in self._by_segment(kind, ids):
            with contextlib.suppress(OSError):
                _write(segment, json.dumps([kind, None, marked, part]).encode() + b"\n")

    def _complain(self, problem: Exception) -> None:
        now = time.monotonic()
        if now >= self._silent_until:
            self._silent_until = now + _SILENCE_SECONDS
            log.line(f"a kill loses spend that the spool could not keep: {problem}", level="warning")

    def _by_segment(self, kind: str, ids: Iterable[str]) -> list[tuple[_Segment, list[str]]]:
        found: dict[Path, tuple[_Segment, list[str]]] = {}
        # A provider may repeat an id, and LiteLLM queues both rows.
        for id in dict.fromkeys(ids):
            segment = self._place.get((kind, id))
            if segment is not None:
                found.setdefault(segment.path, (segment, []))[1].append(id)
        return list(found.values())

    def _mark(self, segment: _Segment, kind: str, ids: list[str]) -> None:
        if segment.open:
            _write(segment, json.dumps([kind, None, ids]).encode() + b"\n")
        elif segment is self._segments[-1]:
            os.ftruncate(segment.descriptor, 0)
            segment.size = 0
        else:
            self._segments.remove(segment)
            os.close(segment.descriptor)
            segment.path.unlink()

    def _current(self) -> _Segment:
        if not self._segments or self._segments[-1].size > self._segment_bytes:
            self._number += 1
            path = self.directory / f"{self._number:08}.jsonl"
            self._segments.append(_Segment(path, os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)))
        return self._segments[-1]


def _write(segment: _Segment, line: bytes) -> None:
    written = os.write(segment.descriptor, line)
    segment.size += written
    if written != len(line):
        # A torn line is skipped by whoever reads; the next one must not be part of it.
        os.ftruncate(segment.descriptor, segment.size - written)
        segment.size -= written
        raise OSError("the disk is full")


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


@dataclass(frozen=True)
class Abandoned:
    """What a killed worker left: records by kind that were not done. ``remove`` once they are somebody else's.

    ``set_aside`` puts them where nobody takes them over again, and returns that place; it raises OSError.
    """

    records: dict[str, list[Any]]
    remove: Callable[[], None]
    set_aside: Callable[[], Path]


def abandoned(root: Path) -> Iterator[Abandoned]:
    """Take over what dead workers left below ``root``, each directory by one taker only."""
    try:
        found = sorted(entry for entry in root.iterdir() if entry.is_dir() and not entry.name.startswith(_ASIDE))
    except OSError:
        return
    for directory in found:
        try:
            lock = os.open(directory / _LOCK, os.O_RDWR)
        except OSError:
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(lock)
            continue
        try:
            yield Abandoned(
                read(directory),
                partial(shutil.rmtree, directory, ignore_errors=True),
                partial(directory.rename, root / f"{_ASIDE}{directory.name}"),
            )
        finally:
            os.close(lock)


def _apply(found: dict[Key, Any], kind: str, id: str | None, content: Any, part: str | None = None) -> None:
    if id is not None:
        found[kind, id] = content
        return
    for each in content:
        if part is None:
            found.pop((kind, each), None)
        elif (kind, each) in found:
            found[kind, each].setdefault(PARTS, []).append(part)


def read(directory: Path) -> dict[str, list[Any]]:
    """Read the records of ``directory`` that are not marked as done. A line that was cut off is skipped."""
    found: dict[Key, Any] = {}
    for path in sorted(directory.glob("*.jsonl")):
        with contextlib.suppress(OSError):
            for line in path.read_bytes().splitlines():
                with contextlib.suppress(ValueError, TypeError, AttributeError):
                    _apply(found, *json.loads(line))
    records: dict[str, list[Any]] = {}
    for (kind, _), record in found.items():
        records.setdefault(kind, []).append(record)
    return records
