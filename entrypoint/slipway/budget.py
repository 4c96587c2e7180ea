"""How long a stop may take: one number, the longest request, and what follows from it; and how long a start may."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from slipway.settings import Settings

# After the longest request: spend and logs are written, the database is let go.
FLUSH_SECONDS: Final = 30
# For processes to end, so that the container engine does not have to kill any.
SPARE_SECONDS: Final = 5

# For checks, a migration of our own and the workers, on a machine that is busy with others.
_START_SECONDS: Final = 300


@dataclass(frozen=True, slots=True)
class Budget:
    """Seconds of a stop, in their order: not ready but serving, the longest request, the flush."""

    settle: int
    request: int
    flush: int = FLUSH_SECONDS

    @property
    def drain(self) -> int:
        """From the moment the server is told until it is killed."""
        return self.request + self.flush

    @property
    def stop(self) -> int:
        """What the container is to be given: Docker's stop timeout, the pod's termination grace period."""
        return self.settle + self.drain + SPARE_SECONDS

    @property
    def arithmetic(self) -> str:
        """The sum, with the setting behind each part."""
        return (
            f"{self.settle} (SLIPWAY_SETTLE_SECONDS) + {self.request} (REQUEST_TIMEOUT_SECONDS) + {self.flush} (flush) "
            f"+ {SPARE_SECONDS} (spare) = {self.stop} s"
        )


def derive(settings: Settings) -> Budget:
    """Work out the budget; without a supervisor nothing settles."""
    settle = (settings.number("SLIPWAY_SETTLE_SECONDS") or 0) if settings.on("SLIPWAY_SUPERVISOR") else 0
    return Budget(settle, settings.number("REQUEST_TIMEOUT_SECONDS") or 0)


def start(settings: Settings, *, database: bool) -> int:
    """Return how many seconds a start may take until the gateway is ready, its waits for a database included."""
    waits = ("SLIPWAY_DATABASE_WAIT_SECONDS", "SLIPWAY_MIGRATE_TIMEOUT_SECONDS") if database else ()
    return _START_SECONDS + sum(settings.number(wait) or 0 for wait in waits)
