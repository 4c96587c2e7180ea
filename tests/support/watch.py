"""A gateway's workers as they come and go, seen from inside the container ten times a second."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from tests.support.lab import Box, wait_until

_END = "/tmp/watch-ended"
# Serving: announced, and alive. Beside them: what has the same parent, a worker that starts or one that retires.
_READER = """
import json, os, sys, time
folder, end = "/run/slipway/workers", sys.argv[1]
def rows():
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                stat = open(f"/proc/{name}/stat").read()
                line = open(f"/proc/{name}/cmdline").read()
            except OSError:
                continue
            state, parent = stat.rpartition(")")[2].split()[:2]
            if state != "Z" and "resource_tracker" not in line and "forkserver" not in line:
                yield int(name), int(parent)
def sample():
    before = [int(name) for name in os.listdir(folder) if name.isdigit()]
    parents = dict(rows())
    serving = [pid for pid in before if pid in parents]
    fathers = {parents[pid] for pid in serving}
    return [sorted(serving), sorted(pid for pid, parent in parents.items() if parent in fathers and pid not in before)]
last = None
while True:
    now = sample()
    if now != last:
        print(json.dumps(now), flush=True)
        last = now
    if not end or os.path.exists(end):
        break
    time.sleep(0.1)
"""


@dataclass(frozen=True)
class Sample:
    serving: frozenset[int]
    beside: frozenset[int]


def _parse(line: str) -> Sample:
    serving, beside = json.loads(line)
    return Sample(frozenset(serving), frozenset(beside))


_ASKED = 3


def now(box: Box) -> Sample:
    """The workers at this moment."""
    for _ in range(_ASKED):
        done = box.exec(["python", "-c", _READER, ""])
        # Under load the engine was seen to lose what a command had printed, and its code.
        if done.code == 0 and done.stdout:
            break
    assert done.code == 0, done.output
    return _parse(done.stdout)


def wait_serving(box: Box, count: int, without: frozenset[int] = frozenset(), seconds: float = 60) -> frozenset[int]:
    """Wait until `count` workers serve, none of them in `without`; returns their pids."""

    def complete() -> bool:
        serving = now(box).serving
        return len(serving) == count and not serving & without

    wait_until(f"{count} workers", complete, seconds)
    return now(box).serving


@dataclass
class Watch:
    """A context manager; `samples` are the changes from its begin to its end."""

    box: Box
    samples: list[Sample] = field(default_factory=list)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._read, name="watch", daemon=True)
        self._thread.start()
        wait_until("the first look at the workers", lambda: bool(self.samples))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.box.exec(["python", "-c", f"open({_END!r}, 'w')"])
        if self._thread is not None:
            self._thread.join(10)

    @property
    def fewest(self) -> int:
        """The smallest number of workers that served at any time."""
        return min(len(sample.serving) for sample in self.samples)

    @property
    def most_starting(self) -> int:
        """The largest number of processes at any time that were going to be workers."""
        most, announced = 0, set[int]()
        for sample in self.samples:
            announced |= sample.serving
            most = max(most, len(sample.beside - announced))
        return most

    @property
    def served(self) -> set[int]:
        """Every worker that served at some time."""
        return {pid for sample in self.samples for pid in sample.serving}

    def _read(self) -> None:
        for line in self._lines():
            self.samples.append(_parse(line))

    def _lines(self) -> Iterator[str]:
        _, output = self.box.container.exec_run(["python", "-c", _READER, _END], stream=True)
        rest = b""
        for piece in output:
            assert isinstance(piece, bytes)
            *lines, rest = (rest + piece).split(b"\n")
            yield from (line.decode() for line in lines)
