"""How long a stop may take: one number, the longest request, and what follows from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from slipway.settings import Settings

# After the longest request: spend and logs are written, the database is let go.
FLUSH_SECONDS: Final = 30
# For processes to end, so that the container engine does not have to kill any.
_SPARE_SECONDS: Final = 5


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
        return self.settle + self.drain + _SPARE_SECONDS

    @property
    def arithmetic(self) -> str:
        """The sum, with the setting behind each part."""
        return (
            f"{self.settle} (SLIPWAY_SETTLE_SECONDS) + {self.request} (REQUEST_TIMEOUT_SECONDS) + {self.flush} (flush) "
            f"+ {_SPARE_SECONDS} (spare) = {self.stop} s"
        )


def derive(settings: Settings) -> Budget:
    """Work out the budget; without a supervisor nothing settles."""
    settle = (settings.number("SLIPWAY_SETTLE_SECONDS") or 0) if settings.on("SLIPWAY_SUPERVISOR") else 0
    return Budget(settle, settings.number("REQUEST_TIMEOUT_SECONDS") or 0)
