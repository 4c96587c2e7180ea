"""Log lines of the launcher and the supervisor, and the JSON formatter that the servers share."""

from __future__ import annotations

import json
import logging
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


class JsonFormatter(logging.Formatter):
    """One JSON object a record, with the keys of LiteLLM's own formatter: message, level, timestamp."""

    def format(self, record: logging.LogRecord) -> str:
        """Format ``record`` as a line of JSON; an exception goes under ``stacktrace``."""
        content = {
            "message": record.getMessage(),
            "level": record.levelname,
            "timestamp": self.formatTime(record, "%Y-%m-%dT%H:%M:%S"),
            "logger": record.name,
        }
        if record.exc_info:
            content["stacktrace"] = self.formatException(record.exc_info)
        return json.dumps(content)
