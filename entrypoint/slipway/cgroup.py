"""What the kernel says of the container's memory, or of the unit's, by cgroup v2 and by v1."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Final

ROOT: Final = Path("/sys/fs/cgroup")
_OWN: Final = Path("/proc/self/cgroup")
_LIMITS: Final = ("memory.max", "memory/memory.limit_in_bytes")
_EVENTS: Final = ("memory.events", "memory/memory.oom_control")
# v1 says "no limit" by a number larger than any memory.
_NONE: Final = 1 << 60


def own(root: Path = ROOT, file: Path = _OWN) -> Path:
    """Return this process's own group of v2: a container sees it as the root, a unit of systemd all of them."""
    with contextlib.suppress(OSError):
        for line in file.read_text().splitlines():
            path = line.removeprefix("0::/")
            if path != line and ".." not in path and (root / path).is_dir():
                return root / path
    return root


def memory_limit(root: Path | None = None) -> int | None:
    """Return the container's limit in bytes, None without one."""
    root = root or own()
    for name in _LIMITS:
        # "max", v2's word for none, is no number.
        with contextlib.suppress(OSError, ValueError):
            number = int((root / name).read_text())
            return number if number < _NONE else None
    return None


def memory_kills(root: Path | None = None) -> int:
    """Return how many processes of the container the kernel has killed because its memory was used up."""
    root = root or own()
    for name in _EVENTS:
        with contextlib.suppress(OSError, ValueError):
            lines = (line.split() for line in (root / name).read_text().splitlines())
            return int(dict(line for line in lines if len(line) == 2).get("oom_kill", 0))
    return 0
