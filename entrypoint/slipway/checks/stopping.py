"""Whether the container has the time that a stop needs."""

from __future__ import annotations

from slipway import budget
from slipway.report import ExitCode, Finding
from slipway.settings import Settings


def check(settings: Settings) -> list[Finding]:
    """Refuse a stop that would cut requests, where it is known how long the container is given."""
    given = settings.number("SLIPWAY_STOP_GRACE_SECONDS")
    needed = budget.derive(settings)
    if given is None or given >= needed.stop:
        return []
    return [
        Finding(
            "stop-grace",
            "error",
            f"The container is given {given} s to stop (SLIPWAY_STOP_GRACE_SECONDS), and may need {needed.arithmetic}.",
            f"Give it {needed.stop} s and say so in SLIPWAY_STOP_GRACE_SECONDS, or lower REQUEST_TIMEOUT_SECONDS.",
            ExitCode.CONFIG,
            "Requests and spend would be lost.",
        )
    ]
