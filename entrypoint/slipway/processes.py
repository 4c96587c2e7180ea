"""Processes that are told something."""

from __future__ import annotations

import contextlib
import os
import signal


def tell(pid: int, which: signal.Signals) -> None:
    """Send a signal; one that ended meanwhile needs none. Raises PermissionError for another user's process."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, which)
