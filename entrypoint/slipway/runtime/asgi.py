"""The application that every server imports, and the only module that imports LiteLLM's proxy where it is served.

Importing it imports the proxy: once in gunicorn's master (``preload_app``), once in each worker of the other servers.
"""

from __future__ import annotations

import gc
import os
import sys
import traceback
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

from slipway import log
from slipway.runtime import acceleration, access_log, request_path, warmup
from slipway.runtime.directories import FAILED
from slipway.runtime.warmup import rehearsal

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
WORKERS_VARIABLE = "SLIPWAY_WORKERS_DIR"


def _find_callbacks() -> None:
    """As LiteLLM's command does: callbacks are found in the working directory, after the installed packages."""
    here = os.getcwd()
    sys.path[:] = [*(entry for entry in sys.path if entry not in ("", here)), here]


_find_callbacks()
log.use_json(os.environ.get("JSON_LOGS") == "true")

# Millions of objects are made while importing and none is garbage; afterwards they are kept out of every collection.
gc.disable()
_refused: list[str] = []
_store = warmup.load()
with warmup.entered(_store, os.environ, _refused), acceleration.entered(os.environ):
    from litellm.proxy.proxy_server import app as proxy

    # Their work is nearly done, and what follows takes the room that they leave.
    _store.texts.clear()
    _store.patterns.clear()
    rehearsal.rehearse(proxy, _store.rehearsal)
    request_path.install(os.environ, _refused)
del _store
for _reason in _refused:
    log.line(f"fast path left out: {_reason}", level="warning")
gc.freeze()
gc.enable()


class Application:
    """LiteLLM's application, prepared as its own command prepares it and announced to the supervisor once it serves."""

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one connection, or run one worker's lifespan."""
        if scope["type"] != "lifespan":
            await proxy(scope, receive, send)
            return
        announcement = Path(os.environ.get(WORKERS_VARIABLE, os.devnull)) / str(os.getpid())

        async def send_announced(message: Message) -> None:
            if announcement.parent.is_dir():
                if message["type"] == "lifespan.startup.complete":
                    announcement.touch()
                elif message["type"] == "lifespan.startup.failed":
                    announcement.with_name(FAILED).touch()
            await send(message)

        # A server may have put the directory first after the import.
        _find_callbacks()
        access_log.batch()
        from slipway.runtime.upstream_setup import prepare

        try:
            await prepare()
        except Exception:
            # Raised, it would count as an application without a lifespan, and be served without LiteLLM's start-up.
            await send_announced({"type": "lifespan.startup.failed", "message": traceback.format_exc()})
            return
        try:
            await proxy(scope, receive, send_announced)
        finally:
            if announcement.parent.is_dir():
                announcement.unlink(missing_ok=True)


app = Application()
