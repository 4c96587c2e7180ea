"""The JSON formatter that the servers share."""

from __future__ import annotations

import json
import logging


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
