"""Whether the spool of spend outlives the container."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from slipway.report import Finding
from slipway.runtime.directories import STATE
from slipway.settings import Settings

_MOUNTS: Final = Path("/proc/self/mountinfo")
_MEMORY: Final = frozenset({"tmpfs", "ramfs"})


def check(settings: Settings) -> list[Finding]:
    """Warn when a spool was asked for and its directory goes with the container."""
    if not settings.on("SLIPWAY_SPEND_SPOOL"):
        return []
    place = place_of(str(STATE), _MOUNTS.read_text().splitlines())
    if place is None:
        return []
    return [
        Finding(
            "spool-not-kept",
            "warning",
            f"The spool (SLIPWAY_SPEND_SPOOL) is in {place}.",
            f"Mount a volume at {STATE}.",
            why="It outlives a worker that is killed, not the container.",
        )
    ]


def place_of(path: str, mounts: Iterable[str]) -> str | None:
    """Return where ``path`` is when that goes with the container, None for a volume; ``mounts`` are mountinfo's lines.

    Source: proc_pid_mountinfo(5); the last line with the longest mount point counts.
    """
    point, kind = "/", ""
    for line in mounts:
        before, _, after = line.partition(" - ")
        mounted = before.split()[4]
        if os.path.commonpath([mounted, path]) == mounted and len(mounted) >= len(point):
            point, kind = mounted, after.split()[0]
    if kind in _MEMORY:
        return "memory"
    return "the container's own layer" if point == "/" else None
