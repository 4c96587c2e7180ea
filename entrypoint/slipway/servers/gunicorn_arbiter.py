"""gunicorn's arbiter with our rotation: a replacement serves before the worker it replaces is told to stop."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from gunicorn.arbiter import Arbiter
from gunicorn.errors import HaltServer

from slipway.workers.rotation import VARIABLE, Hopeless, Limits, Rotation


class RotatingArbiter(Arbiter):  # type: ignore[misc]  # untyped outside the image
    """Starts and reaps workers as gunicorn does; which and when, the rotation says."""

    def __init__(self, app: Any) -> None:
        super().__init__(app)
        self.rotation = Rotation(self, Limits.parse(os.environ[VARIABLE]))

    @property
    def wanted(self) -> int:
        """How many workers serve."""
        return int(self.num_workers)

    def pids(self) -> Sequence[int]:
        """Return the workers that have not ended, oldest first."""
        return [pid for pid, _ in sorted(self.WORKERS.items(), key=lambda entry: entry[1].age)]

    def add(self) -> int:
        """Start one more worker and return its pid."""
        return int(self.spawn_worker())

    def manage_workers(self) -> None:
        """Take the place of gunicorn's own rule, which stops a worker before its replacement serves."""
        try:
            self.rotation.tick()
        except Hopeless:
            raise HaltServer("No worker can be started.", Arbiter.WORKER_BOOT_ERROR) from None
        if self.rotation.complete:
            # From now on a worker that cannot start must not take the others down.
            self.WORKER_BOOT_ERROR = self.APP_LOAD_ERROR = None

    def murder_workers(self) -> None:
        """Leave silent ones to the rotation: to gunicorn, one that starts or drains looks like one that hangs."""

    def handle_hup(self) -> None:
        """Replace every worker, one after the other."""
        self.rotation.reload()
