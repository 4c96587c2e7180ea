"""uvicorn's parent of several workers, with our rotation in place of its pings.

A ping is answered by a thread of the worker, event loop blocked or not, and the parent waits for each answer.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors.multiprocess import Multiprocess, Process

from slipway import log
from slipway.workers.rotation import VARIABLE, Hopeless, Limits, Rotation


class RotatingParent(Multiprocess):  # type: ignore[misc]  # untyped outside the image
    """Starts and reaps workers as uvicorn does; which and when, the rotation says."""

    def __init__(self, config: Any, sockets: Any) -> None:
        super().__init__(config, sockets)
        self.rotation = Rotation(self, Limits.parse(os.environ[VARIABLE]))

    @property
    def wanted(self) -> int:
        """How many workers serve."""
        return int(self.processes_num)

    def pids(self) -> Sequence[int]:
        """Return the workers that have not ended, oldest first."""
        return [process.pid for process in self.processes]

    def add(self) -> int:
        """Start one more worker and return its pid."""
        process = Process(self.config, self.sockets)
        process.start()
        self.processes.append(process)
        return int(process.pid)

    def init_processes(self) -> None:
        """Start all workers."""
        self.rotation.tick()

    def keep_subprocess_alive(self) -> None:
        """Take the place of uvicorn's own rule: reap the workers that ended, then do what is due."""
        for process in [process for process in self.processes if not process.process.is_alive()]:
            self.processes.remove(process)
            process.parent_conn.close()
            process.child_conn.close()
            if process.exitcode == STARTUP_FAILURE and not self.rotation.complete:
                self.should_exit.set()
                return
        try:
            self.rotation.tick()
        except Hopeless:
            log.line("no worker can be started", level="error")
            self.should_exit.set()

    def handle_hup(self) -> None:
        """Replace every worker, one after the other."""
        self.rotation.reload()
