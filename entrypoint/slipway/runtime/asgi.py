"""The application that every server imports, and the only module that imports LiteLLM's proxy where it is served.

Importing it imports the proxy: once in gunicorn's master (``preload_app``), once in each worker of the other servers.
"""

from __future__ import annotations

import gc
import os
import sys
import traceback
from pathlib import Path

from slipway import log
from slipway.runtime import acceleration, access_log, accounting, config_in_force, metrics_route, request_path, warmup
from slipway.runtime.directories import FAILED
from slipway.runtime.warmup import rehearsal
from slipway.workers import serving, slots
from slipway.workers.environment import take_over
from slipway.workers.serving import Message, Receive, Send


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
    from litellm.proxy import proxy_server

    proxy = proxy_server.app

    # Their work is nearly done, and what follows takes the room that they leave.
    _store.texts.clear()
    _store.patterns.clear()
    rehearsal.rehearse(proxy, _store.rehearsal)
    request_path.install(os.environ, _refused)
    accounting.install(os.environ, _refused)
    config_in_force.install(os.environ, _refused)
del _store
for _reason in _refused:
    log.line(f"fast path left out: {_reason}", level="warning")
gc.freeze()
gc.enable()


class Application:
    """LiteLLM's application, prepared as its own command prepares it and announced to the supervisor once it serves."""

    def __init__(self) -> None:
        self._worker: serving.Serving | None = None

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one connection, or run one worker's lifespan."""
        if scope["type"] == "lifespan":
            await self._live(scope, receive, send)
            return
        metrics_route.open_late(proxy, scope["path"])
        if self._worker:
            await self._worker.handle(proxy, scope, receive, send)
        else:
            await proxy(scope, receive, send)

    async def _live(self, scope: Message, receive: Receive, send: Send) -> None:
        directory = Path(os.environ.get(slots.WORKERS_VARIABLE, os.devnull))

        async def send_announced(message: Message) -> None:
            match message["type"]:
                case "lifespan.startup.complete":
                    await accounting.started(os.environ)
                    if self._worker:
                        accounting.on_change(self._worker.record.account)
                        self._worker.start(database_answers, engine_pool)
                case "lifespan.startup.failed" if directory.is_dir():
                    (directory / FAILED).touch()
            await send(message)

        async def receive_settled() -> Message:
            message = await receive()
            if message["type"] == "lifespan.shutdown":
                await accounting.settled()
            return message

        # A server may have put the directory first after the import.
        _find_callbacks()
        access_log.batch()
        from slipway.runtime.upstream_setup import prepare

        try:
            # A reload may have changed them since this process, or the one it was forked from, began.
            take_over(os.environ)
            config_in_force.hold(directory)
            if directory.is_dir():
                self._worker = serving.enter(directory)
            await prepare()
        except Exception:
            # Raised, it would count as an application without a lifespan, and be served without LiteLLM's start-up.
            await send_announced({"type": "lifespan.startup.failed", "message": traceback.format_exc()})
            return
        try:
            await proxy(scope, receive_settled, send_announced)
        finally:
            if self._worker:
                await self._worker.stop()
            access_log.flush()


async def database_answers() -> bool | None:
    """Whether the database can be reached, None where the gateway has none.

    Full pools and errors of other kinds are answers too: whoever answers is there.
    """
    client = proxy_server.prisma_client
    if client is None:
        return None
    try:
        await client.db.query_raw("SELECT 1")
    except Exception as problem:
        from litellm.proxy.db.exception_handler import PrismaDBExceptionHandler

        return not PrismaDBExceptionHandler.is_database_transport_error(problem)
    return True


async def engine_pool() -> tuple[int, int, int] | None:
    """Return the query engine's open and its busy connections, and its queries that wait; None without an engine."""
    client = proxy_server.prisma_client
    if client is None:
        return None
    try:
        gauges = {gauge.key: int(gauge.value) for gauge in (await client.db.get_metrics()).gauges}
    except Exception:
        # The engine is away, or starts anew.
        return None
    names = ("prisma_pool_connections_open", "prisma_pool_connections_busy", "prisma_client_queries_wait")
    open, busy, waiting = (gauges.get(name, 0) for name in names)
    return open, busy, waiting


app = Application()
