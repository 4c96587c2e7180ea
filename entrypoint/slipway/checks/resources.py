"""What the container is given."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

_QUOTA: Final = Path("/sys/fs/cgroup/cpu.max")


def cpus(file: Path = _QUOTA) -> float:
    """Return how many processors the container may use: its quota (cgroup version 2), or those it is bound to."""
    bound = float(len(os.sched_getaffinity(0)))
    try:
        quota, _, period = file.read_text().strip().partition(" ")
        # Without a quota the first word is max.
        return min(bound, int(quota) / int(period))
    except (OSError, ValueError, ZeroDivisionError):
        return bound
