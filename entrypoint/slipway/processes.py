"""Processes that are started, and told something."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

_PAGE: Final = os.sysconf("SC_PAGE_SIZE")
_TICKS: Final = os.sysconf("SC_CLK_TCK")


def spawn(
    argv: tuple[str, ...], descriptors: Mapping[int, int] | None = None, environment: Mapping[str, str] | None = None
) -> int:
    """Start a process in a session of its own, so that a signal to our group does not reach it; return its pid.

    ``descriptors`` are ours by the numbers that it finds them under; ``environment`` is ours by default.
    Raises OSError, at a limit of processes or memory.
    """
    every = set(signal.valid_signals()) - {signal.SIGKILL, signal.SIGSTOP}
    actions = [(os.POSIX_SPAWN_DUP2, own, theirs) for theirs, own in (descriptors or {}).items()]
    given = os.environ if environment is None else environment
    return os.posix_spawn(argv[0], argv, given, file_actions=actions, setsid=True, setsigmask=(), setsigdef=every)


def tell(pid: int, which: signal.Signals) -> None:
    """Send a signal; one that ended meanwhile needs none. Raises PermissionError for another user's process."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, which)


def resident(pid: int) -> int | None:
    """Return a process's memory in bytes, what it shares included; None when it has ended.

    Source: proc_pid_statm(5).
    """
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
    except (OSError, IndexError):
        return None


def age() -> float:
    """Return the seconds since this process was started, by whichever program it was then.

    Source: field 22 of proc_pid_stat(5), in clock ticks since boot.
    """
    # The second field, the program's name, may hold anything but ends with the last bracket.
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    return max(0.0, time.clock_gettime(time.CLOCK_BOOTTIME) - int(fields[19]) / _TICKS)
