"""What the launcher hands to the supervisor, which is a process of its own."""

from __future__ import annotations

import json
import signal
from dataclasses import asdict, dataclass, field
from typing import Final

from slipway.runtime.schema import Schema

# The variable with what a drain from elsewhere has to show.
DRAIN_TOKEN: Final = "DRAIN_ENDPOINT_TOKEN"
# Signals that end the gateway.
STOP: Final = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGQUIT})


@dataclass(frozen=True, slots=True)
class Assignment:
    """What to run and watch. Seconds throughout; ``workers_directory`` holds one record for each worker that serves.

    ``only_worker`` says that the server is its only worker, which the supervisor then replaces as other servers replace
    theirs; ``rotation`` says when, for those that can. ``check`` is the command line that checks a configuration
    before a reload, empty where the server cannot reload, and ``watched`` the files that ask for one when they change,
    beside those of secrets if ``watches_secrets``.
    ``metrics_files`` is prometheus_client's directory, empty where each process keeps its own. For /metrics only:
    ``build`` says what runs, ``phases`` how long each part of the start took, ``schema`` how far migrations were then,
    ``acceleration`` which components of fast-litellm are in which state.
    """

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
    silence_seconds: int
    needs_database: bool
    only_worker: bool
    json_logs: bool
    rotation: str = ""
    sidecar: tuple[str, ...] = ()
    helper: tuple[str, ...] = ()
    check: tuple[str, ...] = ()
    watched: tuple[str, ...] = ()
    watches_secrets: bool = False
    metrics_files: str = ""
    metrics_token_file: str = ""
    metrics_open: bool = False
    build: dict[str, str] = field(default_factory=dict)
    phases: dict[str, float] = field(default_factory=dict)
    schema: Schema = Schema.NONE
    acceleration: dict[str, str] = field(default_factory=dict)

    def argument(self) -> str:
        """Return the assignment as the one argument of the supervisor's command line.

        It holds no secret that the container's own command line does not show.
        """
        return json.dumps(asdict(self))

    @classmethod
    def parse(cls, text: str) -> Assignment:
        """Read what ``argument`` wrote."""
        content = json.loads(text)
        commands = {name: tuple(content[name]) for name in ("argv", "sidecar", "helper", "check", "watched")}
        return cls(**{**content, **commands, "schema": Schema(content["schema"])})
