"""Who runs the gateway."""

from __future__ import annotations

import os

from slipway.report import ExitCode, Finding
from slipway.settings import Settings


def check(settings: Settings) -> list[Finding]:
    """Refuse uid 0 unless it was asked for."""
    if os.getuid() != 0 or settings.on("SLIPWAY_ALLOW_ROOT"):
        return []
    return [
        Finding(
            "running-as-root",
            "error",
            "The gateway would run as root (uid 0).",
            "Leave out --user 0 (any other uid works, with gid 0), or set SLIPWAY_ALLOW_ROOT=on.",
            ExitCode.USAGE,
            "It never needs that, and whoever got into it would have it.",
        )
    ]
