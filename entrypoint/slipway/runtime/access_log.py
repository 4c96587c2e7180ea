"""Access log lines are written by a thread, several at a time, instead of one by one between two requests.

The lines are the server's own: same loggers, same formatters. A worker that is killed loses what it has not written,
at most INTERVAL_SECONDS of lines; where nobody takes them off the stream, all but the first ROOM are counted only.
"""

from __future__ import annotations

import atexit
import logging
import threading
from collections import deque
from typing import Any, Final

from slipway import log

INTERVAL_SECONDS: Final = 0.1
ROOM: Final = 10_000
_LOGGERS: Final = ("uvicorn.access", "gunicorn.access", "hypercorn.access", "granian.access")


class BatchHandler(logging.Handler):
    """Writes to the stream of the handler that it replaces."""

    def __init__(self, replaced: logging.StreamHandler[Any]) -> None:
        super().__init__(replaced.level)
        self.setFormatter(replaced.formatter)
        self.filters = list(replaced.filters)
        self._stream = replaced.stream
        self._waiting: deque[logging.LogRecord] = deque()
        self._left_out = 0
        # Not the handler's own, which the worker holds for each record: it must not wait for the stream.
        self._writing = threading.Lock()
        self._arrived = threading.Event()
        threading.Thread(target=self._run, name="access-log", daemon=True).start()
        atexit.register(self.flush)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the record for the next batch."""
        if len(self._waiting) >= ROOM:
            self._left_out += 1
            return
        self._waiting.append(record)
        if not self._arrived.is_set():
            self._arrived.set()

    def flush(self) -> None:
        """Write what waits. What cannot be formatted or written is reported as logging does, and dropped."""
        with self._writing:
            lines: list[str] = []
            while self._waiting:
                record = self._waiting.popleft()
                try:
                    lines.append(self.format(record))
                except Exception:
                    self.handleError(record)
            if not lines:
                return
            left_out, self._left_out = self._left_out, 0
            try:
                self._stream.write("\n".join(lines) + "\n")
                self._stream.flush()
            except (OSError, ValueError) as problem:
                log.line(f"{len(lines)} access log lines are lost: {problem}", level="error")
            if left_out:
                log.line(f"{left_out} access log lines are left out: nobody read the log", level="warning")

    def _run(self) -> None:
        pause = threading.Event()
        while True:
            self._arrived.wait()
            pause.wait(INTERVAL_SECONDS)
            self._arrived.clear()
            self.flush()


def flush() -> None:
    """Write what waits, where a worker ends by a signal and its exit functions do not run."""
    for name in _LOGGERS:
        for handler in logging.getLogger(name).handlers:
            handler.flush()


def batch() -> None:
    """Replace the stream handlers of the servers' access loggers in this worker."""
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        for handler in list(logger.handlers):
            if type(handler) is logging.StreamHandler:
                logger.removeHandler(handler)
                logger.addHandler(BatchHandler(handler))
