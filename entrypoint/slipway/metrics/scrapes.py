"""The supervisor's side of the exporter: starts it when it is first needed, and shares what it renders."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, astuple, dataclass
from typing import Any, BinaryIO, Final

from slipway import log
from slipway.metrics.families import Family
from slipway.processes import spawn
from slipway.workers import slots

# For the series of a very large gateway; a scraper has ended its own wait long before.
SECONDS: Final = 30.0
# So many are served at once, at most: the management port has connections left for probes.
_PLACES: Final = 8
_SILENCE_SECONDS: Final = 60.0
_HEAD_BYTES: Final = 65536
# A C int.
_DESCRIPTOR_BYTES: Final = 4
_COMMAND: Final = (sys.executable, "-P", "-m", "slipway.metrics.exporter")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a scraper takes."""

    openmetrics: bool
    gzip: bool

    @classmethod
    def of(cls, accept: str, encoding: str) -> Wanted:
        """Read the two headers; whatever else they say, a scraper takes one of these."""
        return cls("application/openmetrics-text" in accept.lower(), _accepts_gzip(encoding))


def _accepts_gzip(encoding: str) -> bool:
    for each in encoding.lower().split(","):
        name, _, weight = (part.strip() for part in each.partition(";"))
        if name == "gzip":
            return weight.replace(" ", "").rstrip("0") not in ("q=", "q=0.")
    return False


@dataclass(frozen=True, slots=True)
class Rendering:
    """A scrape's answer: its media type, its content encoding if any, and a file in memory that holds it."""

    type: str
    encoding: str | None
    file: BinaryIO


class _Turn:
    """Those who want the same output and wait for it."""

    def __init__(self) -> None:
        self.done = threading.Event()
        self.rendering: Rendering | None = None


class Scrapes:
    """Renders the files of all workers in ``files`` (None without any) and the supervisor's own ``families``.

    ``workers`` returns their pids by their names. Scrapes that come while one is rendered wait for the next, and those
    that want the same share it.
    """

    def __init__(
        self, files: str | None, families: Callable[[], Sequence[Family]], workers: Callable[[], Mapping[str, int]]
    ) -> None:
        self._files = files
        self._families = families
        self._workers = workers
        self._free = threading.BoundedSemaphore(_PLACES)
        self._rendering = threading.Lock()
        self._waiting: dict[Wanted, _Turn] = {}
        self._joining = threading.Lock()
        self._said = ""
        self._silent_until = 0.0
        self._process = -1
        self._connection: socket.socket | None = None

    @contextlib.contextmanager
    def rendered(self, wanted: Wanted) -> Iterator[Rendering | None]:
        """Give the answer to a scrape, None when it cannot be rendered in time; it has a place until the block ends."""
        if not self._free.acquire(blocking=False):
            self._say(f"refused: {_PLACES} scrapes are served already")
            yield None
            return
        try:
            yield self._join(wanted)
        finally:
            self._free.release()

    def _join(self, wanted: Wanted) -> Rendering | None:
        with self._joining:
            turn, first = self._waiting.get(wanted), wanted not in self._waiting
            if turn is None:
                turn = self._waiting[wanted] = _Turn()
        if not first:
            # For what is rendered just now, and for its own.
            if not turn.done.wait(2 * SECONDS):
                self._say(f"a scrape waited {2 * SECONDS:g} s for others")
            return turn.rendering
        try:
            with self._rendering:
                with self._joining:
                    # What is rendered from here on is too early for those who come later.
                    del self._waiting[wanted]
                turn.rendering = self._render(wanted)
        finally:
            turn.done.set()
        return turn.rendering

    def _render(self, wanted: Wanted) -> Rendering | None:
        try:
            request = {
                "files": self._files,
                **asdict(wanted),
                "families": [astuple(family) for family in self._families()],
                "workers": self._workers(),
            }
            head, file = self._ask(json.dumps(request).encode() + b"\n")
            if file is None:
                raise ValueError(head.get("problem", "this process has no descriptor left"))
            if head["left_out"]:
                self._say(f"what workers have written is left out: {head['left_out']}")
            return Rendering(head["type"], head["encoding"], file)
        except Exception as problem:
            # Whatever it is, the scraper gets an answer and the log the reason.
            self._say(f"they cannot be rendered: {problem or type(problem).__name__}")
            return None

    def _say(self, what: str) -> None:
        """Log it, the same once a minute: scrapes come as often as somebody likes."""
        now = time.monotonic()
        if what != self._said or now >= self._silent_until:
            self._said, self._silent_until = what, now + _SILENCE_SECONDS
            log.line(f"metrics: {what}", level="error")

    def _ask(self, line: bytes) -> tuple[dict[str, Any], BinaryIO | None]:
        try:
            return self._exchange(line)
        except ConnectionError:
            # Somebody has killed it since the last scrape.
            return self._exchange(line)

    def _exchange(self, line: bytes) -> tuple[dict[str, Any], BinaryIO | None]:
        connection = self._connection or self._start()
        try:
            connection.settimeout(SECONDS)
            connection.sendall(line)
            # Not socket.recv_fds, which leaves its flags out (CPython 3.13): a worker that starts would inherit it.
            room = socket.CMSG_SPACE(_DESCRIPTOR_BYTES)
            answer, passed, _, _ = connection.recvmsg(_HEAD_BYTES, room, socket.MSG_CMSG_CLOEXEC)
            descriptor = int.from_bytes(passed[0][2], sys.byteorder) if passed else None
            file = None if descriptor is None else os.fdopen(descriptor, "rb", buffering=0)
            if not answer:
                raise ConnectionResetError("the exporter has ended")
            head: dict[str, Any] = json.loads(answer)
        except (OSError, ValueError):
            # What it says later would answer another scrape.
            self._end()
            raise
        return head, file

    def _start(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                self._process = os.pidfd_open(spawn(_COMMAND, {0: theirs.fileno()}, slots.for_reading(os.environ)))
            except OSError:
                ours.close()
                raise
        self._connection = ours
        return ours

    def _end(self) -> None:
        """End an exporter that does not answer; the supervisor reaps it."""
        if self._connection:
            self._connection.close()
            self._connection = None
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._process, signal.SIGKILL)
            os.close(self._process)
