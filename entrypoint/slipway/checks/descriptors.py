"""Whether a worker may have as many connections as it serves requests."""

from __future__ import annotations

from collections.abc import Mapping

from slipway import descriptors
from slipway.report import Finding
from slipway.settings import Settings


def check(settings: Settings, environment: Mapping[str, str]) -> list[Finding]:
    """Warn of a hard limit of file descriptors that a busy worker reaches."""
    needed, most = descriptors.needed(settings, environment), descriptors.most()
    if most >= needed:
        return []
    return [
        Finding(
            "descriptors-few",
            "warning",
            f"A process of this container may have {most} files and connections open, and a busy worker has {needed}.",
            f"Start it with --ulimit nofile={needed}:{needed} or more, or set LIMIT_CONCURRENCY.",
            why="Once they are used up, the worker accepts no connection and opens none to a provider.",
        )
    ]
