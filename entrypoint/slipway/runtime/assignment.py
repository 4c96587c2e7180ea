"""What the launcher hands to the supervisor, which is a process of its own."""

from __future__ import annotations

import json
import signal
from dataclasses import asdict, dataclass
from typing import Final

# Signals that end the gateway.
STOP: Final = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGQUIT})


@dataclass(frozen=True, slots=True)
class Assignment:
    """What to run and watch. Seconds throughout; ``workers_directory`` holds one file for each worker that serves."""

    server: str
    argv: tuple[str, ...]
    host: str
    port: int
    management_host: str
    management_port: int
    workers: int
    workers_directory: str
    settle_seconds: int
    drain_seconds: int
    json_logs: bool
    sidecar: tuple[str, ...] = ()
    helper: tuple[str, ...] = ()

    def argument(self) -> str:
        """Return the assignment as the one argument of the supervisor's command line. It holds no secret."""
        return json.dumps(asdict(self))

    @classmethod
    def parse(cls, text: str) -> Assignment:
        """Read what ``argument`` wrote."""
        content = json.loads(text)
        commands = {name: tuple(content[name]) for name in ("argv", "sidecar", "helper")}
        return cls(**{**content, **commands})
