"""LiteLLM's own /metrics where its callback is turned on while the gateway runs: LiteLLM opens it at a start only."""

from __future__ import annotations

import sys
from typing import Any, Final

_PATH: Final = "/metrics"


def open_late(application: Any, path: str) -> None:
    """Before a request for ``path``: add the route where the callback is on and the route is missing."""
    if _PATH not in path or any(getattr(route, "path", None) == _PATH for route in application.routes):
        return
    module = sys.modules.get("litellm.integrations.prometheus")
    # Not imported here: this module comes before LiteLLM, which has to be imported as asgi.py says.
    litellm: Any = sys.modules["litellm"]
    if module and litellm.logging_callback_manager.get_custom_loggers_for_type(module.PrometheusLogger):
        module.PrometheusLogger._mount_metrics_endpoint()
