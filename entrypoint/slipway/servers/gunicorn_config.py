"""gunicorn's config file: the plan's settings as module variables, and the hooks that LiteLLM's command would add."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from slipway.runtime import preload
from slipway.servers.gunicorn import SETTINGS_VARIABLE

if TYPE_CHECKING:
    from gunicorn.arbiter import Arbiter

settings = json.loads(os.environ[SETTINGS_VARIABLE])
for of_the_worker in ("limit_concurrency", "request_seconds"):
    # No settings of gunicorn: the worker reads them from the same variable.
    settings.pop(of_the_worker, None)
if log_config := settings.pop("logconfig_json", None):
    # gunicorn adds a root logger whose handler it expects; with none the servers' own loggers write as everywhere.
    settings["logconfig_dict"] = {**json.loads(Path(log_config).read_text()), "root": {"level": "INFO", "handlers": []}}
globals().update(settings)
if settings["preload_app"]:
    preload.prepare()


def on_starting(server: Arbiter) -> None:
    """Check that workers can be forked, after the application was imported and before anything listens."""
    if settings["preload_app"]:
        preload.check()
