"""The access log's batches: complete, in order, and never a reason for a worker to grow."""

from __future__ import annotations

import io
import logging
import threading

import pytest

from slipway.runtime import access_log
from slipway.runtime.access_log import BatchHandler


class Stalled(io.StringIO):
    """A stream that nobody reads until `released` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.released = threading.Event(), threading.Event()

    def write(self, text: str) -> int:
        self.asked.set()
        assert self.released.wait(10)
        return super().write(text)


def record(message: str) -> logging.LogRecord:
    return logging.LogRecord("uvicorn.access", logging.INFO, "", 0, message, None, None)


def test_filters_of_the_replaced_handler_stay() -> None:
    stream = io.StringIO()
    replaced = logging.StreamHandler(stream)
    replaced.addFilter(lambda given: "secret" not in given.getMessage())
    handler = BatchHandler(replaced)
    for message in ("one", "a secret", "two"):
        handler.handle(record(message))
    handler.flush()
    assert stream.getvalue() == "one\ntwo\n"


def test_a_stream_that_stalls_costs_lines_and_not_memory(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(access_log, "ROOM", 5)
    stream = Stalled()
    handler = BatchHandler(logging.StreamHandler(stream))
    handler.handle(record("first"))
    assert stream.asked.wait(10)
    for number in range(20):
        handler.handle(record(str(number)))
    stream.released.set()
    handler.flush()
    assert stream.getvalue().split() == ["first", "0", "1", "2", "3", "4"]
    assert "15 access log lines are left out" in capsys.readouterr().err


def test_several_threads_may_flush() -> None:
    stream = io.StringIO()
    handler = BatchHandler(logging.StreamHandler(stream))

    def flush() -> None:
        for _ in range(200):
            handler.flush()

    threads = [threading.Thread(target=flush) for _ in range(4)]
    for thread in threads:
        thread.start()
    for number in range(2000):
        handler.handle(record(str(number)))
    for thread in threads:
        thread.join()
    handler.flush()
    assert stream.getvalue().split() == [str(number) for number in range(2000)]
