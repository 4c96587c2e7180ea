"""What a server is asked for, in one vocabulary; each server turns it into its own command line."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path

APPLICATION = "slipway.runtime.asgi:app"


@dataclass(frozen=True, slots=True)
class Options:
    """What to serve and how. Times are in seconds, ``recycle_memory`` in MB; ``from_flags`` names the flags given."""

    host: str
    port: int
    workers: int
    keepalive: int
    grace: int
    heartbeat_directory: str
    access_log: bool
    json_logs: bool
    log_level: str | None
    log_config: str | None = None
    keyfile: str | None = None
    certfile: str | None = None
    ciphers: str | None = None
    max_requests: int | None = None
    max_requests_jitter: int | None = None
    limit_concurrency: int | None = None
    recycle_memory: int | None = None
    recycle_seconds: int | None = None
    threads: int | None = None
    preload: bool = True
    from_flags: frozenset[str] = frozenset()

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
