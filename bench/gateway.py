"""Both sides of a comparison: the same image, configuration and arguments; only the first word differs.

What the image changes in LiteLLM's own files to save time (entrypoint/slipway/patches.py) is switched off on the other
side, where it would be upstream's too. The image's health check is off on both sides.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from typing import Final

import docker

from bench.containers import CONFIG_PATH, PORT, running
from bench.record import SIDES, Side
from tests.support.lab import Box

# Upstream's own command; Slipway's side starts with the flags, as a user of the image would.
FIRST_WORD: Final[dict[Side, tuple[str, ...]]] = {"ours": (), "theirs": ("litellm",)}
VARIABLES: Final[dict[Side, dict[str, str]]] = {
    "ours": {},
    "theirs": {"SLIPWAY_PATCH_MODEL_INFO_COPY": "off", "SLIPWAY_PATCH_UNUSED_GAUGES": "off"},
}
# uvicorn's lifespan writes it once for each worker, whoever started it.
WORKER_STARTED: Final = b"Application startup complete"
LIMIT_SECONDS: Final = 300
POLL_SECONDS: Final = 0.02
ENGINE_SECONDS: Final = 0.5


@dataclass(frozen=True)
class Shape:
    """How many workers, and the flag that names their server (none: the side's own choice)."""

    workers: int
    server: str | None = None

    @property
    def arguments(self) -> tuple[str, ...]:
        several = ("--num_workers", str(self.workers)) if self.workers > 1 else ()
        named = (f"--run_{self.server}",) if self.server else ()
        return ("--config", CONFIG_PATH, "--port", str(PORT), *several, *named)


@dataclass(frozen=True)
class Session:
    """What every question needs: the engine, the image, how often to repeat, and where to report progress."""

    client: docker.DockerClient
    image: str
    repetitions: int
    say: Callable[[str], None]

    def turns(self) -> Iterator[tuple[Side, ...]]:
        """The two sides for each repetition; who goes first alternates."""
        return (SIDES if turn % 2 == 0 else SIDES[::-1] for turn in range(self.repetitions))

    @contextlib.contextmanager
    def gateway(self, side: Side, shape: Shape) -> Iterator[Started]:
        """A gateway that is ready, removed at the end; raises RuntimeError with its log if it does not get ready."""
        with running(self.client, self.image, FIRST_WORD[side] + shape.arguments, VARIABLES[side]) as box:
            yield _wait(box, shape.workers)


@dataclass(frozen=True)
class Started:
    """A ready gateway; seconds count from the start of the container, as the engine recorded it."""

    box: Box
    first_answer: float
    all_workers: float

    @property
    def ready(self) -> float:
        return max(self.first_answer, self.all_workers)


def _wait(box: Box, workers: int) -> Started:
    deadline = time.monotonic() + LIMIT_SECONDS
    port = box.port(PORT)
    ask_engine = time.monotonic() + ENGINE_SECONDS
    # No question after the first answer: it would take time from the workers that still start.
    while not _answers(port):
        # The engine is asked seldom: its answers cost the machine more than a refused connection.
        if time.monotonic() > ask_engine:
            _check(box, deadline, "an answer of /health/readiness")
            ask_engine = time.monotonic() + ENGINE_SECONDS
        time.sleep(POLL_SECONDS)
    first_answer = time.time()
    while len(lines := _worker_lines(box)) < workers:
        _check(box, deadline, f"{workers} workers, {len(lines)} started")
        time.sleep(ENGINE_SECONDS)
    began = instant(str(box.state["StartedAt"]))
    return Started(box, first_answer - began, lines[workers - 1] - began)


def _answers(port: int) -> bool:
    # The standard library's client: a richer one takes a noticeable part of a processor at this pace.
    connection = HTTPConnection("127.0.0.1", port, timeout=LIMIT_SECONDS)
    try:
        connection.request("GET", "/health/readiness")
        return connection.getresponse().status == HTTPStatus.OK
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _worker_lines(box: Box) -> list[float]:
    """When each worker wrote that it had started; the engine's own stamps, so it does not matter when we look."""
    raw: bytes = box.container.logs(timestamps=True)
    return sorted(instant(line.split(b" ", 1)[0].decode()) for line in raw.splitlines() if WORKER_STARTED in line)


def _check(box: Box, deadline: float, missing: str) -> None:
    if not box.running or time.monotonic() > deadline:
        fate = "still runs" if box.running else "ended"
        raise RuntimeError(f"the gateway {fate} and has not shown {missing}; its log ends:\n{box.logs()[-4000:]}")


def instant(text: str) -> float:
    """Seconds since the epoch of the engine's time stamp, which has nanoseconds and may lack a fraction."""
    return datetime.fromisoformat(text).timestamp()
