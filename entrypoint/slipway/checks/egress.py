"""Whether a start needs the internet: LiteLLM fetches lists at import that the image has."""

from __future__ import annotations

from slipway.report import Finding
from slipway.settings import Settings

_PREFIX = "LITELLM_LOCAL_"


def check(settings: Settings) -> list[Finding]:
    """Tell which switches have a start wait for a host on the internet; none is off unless somebody asked for it."""
    off = [name for name in settings if name.startswith(_PREFIX) and not settings.on(name)]
    if not off:
        return []
    return [
        Finding(
            "network-at-start",
            "info",
            f"{' and '.join(off)} off: LiteLLM fetches what the image has from the internet.",
            f"Remove {' and '.join(off)}, unless the newest list is worth it.",
            why="Each start waits for it, some seconds where nothing answers, and goes on with the image's own.",
        )
    ]
