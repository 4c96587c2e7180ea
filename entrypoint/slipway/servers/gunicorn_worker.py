"""gunicorn's worker class: uvicorn's, with the settings that gunicorn has no name for."""

from __future__ import annotations

import json
import os
import warnings
from typing import Any

from slipway.servers.fresh_connections import answer_them
from slipway.servers.gunicorn import SETTINGS_VARIABLE

with warnings.catch_warnings():
    # uvicorn announces that this class moves to a package of its own; the lock file pins what works.
    warnings.simplefilter("ignore", DeprecationWarning)
    from uvicorn.workers import UvicornWorker

answer_them()


class Worker(UvicornWorker):  # type: ignore[misc]  # untyped outside the image
    """uvloop, httptools, no server header, and uvicorn's concurrency limit."""

    CONFIG_KWARGS: dict[str, Any] = {  # noqa: RUF012
        "loop": "uvloop",
        "http": "httptools",
        "server_header": False,
        "limit_concurrency": json.loads(os.environ.get(SETTINGS_VARIABLE, "{}")).get("limit_concurrency"),
    }
