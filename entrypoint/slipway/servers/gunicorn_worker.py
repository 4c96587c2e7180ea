"""gunicorn's worker class: uvicorn's, with the settings that gunicorn has no name for."""

from __future__ import annotations

import json
import os
import signal
import warnings
from typing import Any

from slipway.servers.gunicorn import SETTINGS_VARIABLE
from slipway.workers.leaving import leave_politely

with warnings.catch_warnings():
    # uvicorn announces that this class moves to a package of its own; the lock file pins what works.
    warnings.simplefilter("ignore", DeprecationWarning)
    from uvicorn.workers import UvicornWorker

leave_politely()
_settings = json.loads(os.environ.get(SETTINGS_VARIABLE, "{}"))


class Worker(UvicornWorker):  # type: ignore[misc]  # untyped outside the image
    """uvloop, httptools, no server header, uvicorn's concurrency limit and its time for requests."""

    CONFIG_KWARGS: dict[str, Any] = {  # noqa: RUF012
        "loop": "uvloop",
        "http": "httptools",
        "server_header": False,
        "limit_concurrency": _settings.get("limit_concurrency"),
        # gunicorn's own limit also covers what is flushed after the last request.
        "timeout_graceful_shutdown": _settings.get("request_seconds"),
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # The sockets themselves: uvloop closes them with their descriptors, gunicorn's wrappers once more.
        self.sockets: list[Any] = [listener.sock for listener in self.sockets]

    def init_signals(self) -> None:
        """End with 0 when uvicorn raises SIGTERM once more after a clean end: gunicorn logs others as errors."""
        super().init_signals()
        signal.signal(signal.SIGTERM, lambda number, frame: os._exit(0))
