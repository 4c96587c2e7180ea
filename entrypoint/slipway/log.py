"""Log lines of the launcher and the supervisor."""

from __future__ import annotations

import json
import sys
import time

_json = False


def use_json(on: bool) -> None:
    """Choose JSON lines (``on``) or text for ``line``."""
    global _json
    _json = on


def line(message: str, *, level: str = "info") -> None:
    """Print one log line to standard error."""
    if _json:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        text = json.dumps({"message": message, "level": level.upper(), "timestamp": stamp, "logger": "slipway"})
    else:
        text = f"slipway: {message}"
    # In one piece: print writes the end of the line by itself, and another thread's line may come between.
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def is_json() -> bool:
    """Tell whether lines are JSON."""
    return _json
