"""Orphaned query engines: a worker that is killed leaves its engine behind, which keeps its database connections.

LiteLLM's own reaper (litellm/proxy/db/query_engine_reaper.py) is a thread of its command, which does not run here, and
it does not exist under granian and hypercorn. The rule is the same: a child of ours that we did not start and whose
name begins with ``query-engine`` has lost its worker.
"""

from __future__ import annotations

import ctypes
import os
import signal
from pathlib import Path
from typing import Final

from slipway import log
from slipway.processes import tell

_PR_SET_CHILD_SUBREAPER: Final = 36
_NAME: Final = "query-engine"
_SWEEP_SECONDS: Final = 5.0
_PATIENCE_SECONDS: Final = 10.0


def adopt_orphans() -> None:
    """Make this process the parent of every descendant whose own parent ends (Linux, prctl(2))."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


class Reaper:
    """Ends orphaned engines: SIGTERM at first sight, SIGKILL ten seconds later."""

    def __init__(self) -> None:
        self._next = 0.0
        self._told: dict[int, float] = {}

    def sweep(self, now: float) -> None:
        """Look for orphans, at most once in five seconds. ``now`` is monotonic time in seconds."""
        if now < self._next:
            return
        self._next = now + _SWEEP_SECONDS
        try:
            orphans = _orphans()
        except OSError:
            # Out of file descriptors, say: the next sweep will do.
            return
        self._told = {pid: since for pid, since in self._told.items() if pid in orphans}
        for pid in orphans:
            since = self._told.setdefault(pid, now)
            if since == now:
                log.line(f"ending the query engine {pid}, whose worker is gone")
            tell(pid, signal.SIGTERM if now - since < _PATIENCE_SECONDS else signal.SIGKILL)


def _orphans() -> set[int]:
    own = os.getpid()
    return {
        int(entry.name)
        for entry in Path("/proc").iterdir()
        if entry.name.isdigit() and _name_and_parent(entry) == (True, own)
    }


def _name_and_parent(process: Path) -> tuple[bool, int]:
    try:
        # The name stands in parentheses and may hold any byte, another parenthesis included.
        before, _, after = (process / "stat").read_text(errors="replace").rpartition(")")
    except OSError:
        return False, 0
    return before.partition("(")[2].startswith(_NAME), int(after.split()[1])
