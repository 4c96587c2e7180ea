"""Processes that are started, and told something."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Mapping


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
