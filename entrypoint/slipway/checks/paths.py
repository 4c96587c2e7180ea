"""The path prefix."""

from __future__ import annotations

import re
from collections.abc import Mapping

from slipway.report import ExitCode, Finding


def check(environment: Mapping[str, str]) -> list[Finding]:
    """Refuse a SERVER_ROOT_PATH under which no route would answer."""
    prefix = environment.get("SERVER_ROOT_PATH", "")
    if prefix in ("", "/") or re.fullmatch(r"(/[^/\s]+)+", prefix):
        return []
    return [
        Finding(
            "root-path-invalid",
            "error",
            "SERVER_ROOT_PATH is not a path such as /gateway.",
            "Begin it with one slash and end it without one.",
            ExitCode.CONFIG,
            "No route and no page would answer under it.",
        )
    ]
