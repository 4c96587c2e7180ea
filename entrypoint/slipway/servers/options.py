"""What a server is asked for, in one vocabulary; each server turns it into its own command line."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from slipway.settings import Settings

APPLICATION = "slipway.runtime.asgi:app"
_SHARED_MEMORY: Final = "/dev/shm"


@dataclass(frozen=True, slots=True)
class Passed:
    """A setting that servers take as it is: each one's option (gunicorn's setting), or the words why it has none."""

    uvicorn: str
    gunicorn: str
    hypercorn: str
    granian: str


PASSED: Final[dict[str, Passed]] = {
    "KEEPALIVE_TIMEOUT": Passed(
        uvicorn="--timeout-keep-alive",
        gunicorn="keepalive",
        hypercorn="--keep-alive",
        granian="granian cannot limit how long an idle connection stays open",
    ),
    "LIMIT_CONCURRENCY": Passed(
        uvicorn="--limit-concurrency",
        gunicorn="limit_concurrency",
        hypercorn="hypercorn has no limit on concurrent requests",
        granian="granian makes further requests wait and never answers 503; use GRANIAN_BACKPRESSURE",
    ),
    "SLIPWAY_SSL_CIPHERS": Passed(
        uvicorn="--ssl-ciphers",
        gunicorn="ciphers",
        hypercorn="--ciphers",
        granian="granian's TLS library chooses its ciphers itself",
    ),
    "LITELLM_LOG": Passed(uvicorn="--log-level", gunicorn="loglevel", hypercorn="--log-level", granian="--log-level"),
    "GRANIAN_RUNTIME_THREADS": Passed(
        uvicorn="uvicorn runs one event loop in a worker, without runtime threads",
        gunicorn="gunicorn's workers run one event loop each, without runtime threads",
        hypercorn="hypercorn's workers run one event loop each, without runtime threads",
        granian="--runtime-threads",
    ),
}


def _of(server: str) -> dict[str, str]:
    return {name: asdict(passed)[server] for name, passed in PASSED.items()}


def options_of(server: str) -> dict[str, str]:
    """Return the settings of PASSED that ``server`` takes, each with its option."""
    return {name: option for name, option in _of(server).items() if " " not in option}


def reasons_of(server: str) -> dict[str, str]:
    """Return the settings of PASSED that ``server`` cannot honour, each with the words that say why."""
    return {name: words for name, words in _of(server).items() if " " in words}


@dataclass(frozen=True, slots=True)
class Options:
    """What to serve and how. Times are in seconds, ``recycle_memory`` in MB; ``from_flags`` names the flags given.

    ``passed`` holds the settings of PASSED that have a value.
    """

    host: str
    port: int
    workers: int
    grace: int
    heartbeat_directory: str
    access_log: bool
    json_logs: bool
    passed: Mapping[str, str | int] = field(default_factory=dict)
    log_config: str | None = None
    keyfile: str | None = None
    certfile: str | None = None
    max_requests: int | None = None
    max_requests_jitter: int | None = None
    recycle_memory: int | None = None
    recycle_seconds: int | None = None
    preload: bool = True
    from_flags: frozenset[str] = frozenset()

    @classmethod
    def of(cls, settings: Settings, temporary: Path) -> Options:
        """Return what ``settings`` ask for; ``temporary`` is a directory for files of no use to anybody else."""
        number, text = settings.number, settings.text
        return cls(
            host=text("HOST") or "",
            port=number("PORT") or 0,
            workers=number("NUM_WORKERS") or 1,
            grace=number("REQUEST_TIMEOUT_SECONDS") or 0,
            # Heartbeats on a disk can block a worker; memory cannot.
            heartbeat_directory=_SHARED_MEMORY if os.access(_SHARED_MEMORY, os.W_OK) else str(temporary),
            access_log=settings.on("SLIPWAY_ACCESS_LOG"),
            json_logs=settings.on("JSON_LOGS"),
            passed={name: value for name in PASSED if (value := settings[name].value) is not None},
            log_config=text("SLIPWAY_LOG_CONFIG"),
            keyfile=text("SSL_KEYFILE_PATH"),
            certfile=text("SSL_CERTFILE_PATH"),
            max_requests=number("MAX_REQUESTS_BEFORE_RESTART"),
            max_requests_jitter=number("MAX_REQUESTS_BEFORE_RESTART_JITTER"),
            recycle_memory=number("SLIPWAY_RECYCLE_MEMORY_MB"),
            recycle_seconds=number("SLIPWAY_RECYCLE_SECONDS"),
            preload=settings.on("SLIPWAY_PRELOAD"),
            from_flags=frozenset(
                resolved.source.removeprefix("flag ")
                for resolved in settings.values()
                if resolved.source.startswith("flag ")
            ),
        )

    def passed_to(self, server: str) -> dict[str, str | int]:
        """Return the options of ``server`` for what is passed, each with its value."""
        return {option: self.passed[name] for name, option in options_of(server).items() if name in self.passed}

    def words_for(self, server: str) -> list[str]:
        """Return ``passed_to`` as words of a command line."""
        return [str(word) for pair in self.passed_to(server).items() for word in pair]

    @property
    def shares_one_import(self) -> bool:
        """Whether workers are forked from a process that has imported the application."""
        return self.preload and self.workers > 1

    @property
    def bind(self) -> str:
        """The address as HOST:PORT, an IPv6 host in brackets."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Command:
    """A server's command line and the variables it needs."""

    argv: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict)


def launch(server: str, *, preload: bool = False) -> tuple[str, ...]:
    """Return the beginning of the command line that runs ``server``; run.py says why it is not the server's own."""
    return (sys.executable, "-P", "-m", "slipway.servers.run", *(("--preload",) if preload else ()), server)


def json_log_config() -> str:
    """Return the path of the logging configuration for JSON lines; it names the loggers of all four servers."""
    return str(Path(__file__).with_name("json_log.json"))
