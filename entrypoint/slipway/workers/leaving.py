"""How a uvicorn worker leaves without cutting anybody off, under uvicorn and under gunicorn.

uvicorn closes every connection without a request in flight the moment it stops (uvicorn/server.py, shutdown). A client
whose request is on its way just then sees a closed connection and no answer. So a worker that leaves takes no new
connections, answers what comes on those it has, asks their clients to close them, and closes what is left later.
"""

from __future__ import annotations

import asyncio
import os
from typing import Any, Final

from slipway.workers import serving

# A fresh connection's request comes at once or, on those that load balancers keep in reserve, not at all.
_FRESH_SECONDS: Final = 0.5
# Long enough for clients that are at work to use each connection once more and to be told.
_IDLE_SECONDS: Final = 5.0
_POLL_SECONDS: Final = 0.01


def leave_politely() -> None:
    """Change uvicorn's servers in this process, and in those forked from it."""
    from uvicorn.server import Server

    stop = Server.shutdown

    async def shutdown(self: Any, sockets: Any = None) -> None:
        # The sockets belong to the parent, where the next worker finds them.
        for server in self.servers:
            server.close()
        if self.config.fd is not None:
            # uvicorn works on a duplicate; with this one open, clients would wait for somebody to accept.
            os.close(self.config.fd)
        # At once: uvloop has closed their descriptors, and the numbers may soon be others'.
        for shared in sockets or ():
            shared.close()
        worker = serving.current()
        told_before = worker is None or worker.leaving
        if worker:
            worker.leave()
        loop = asyncio.get_running_loop()
        begun = loop.time()
        connections = self.server_state.connections
        while not self.force_exit:
            since = loop.time() - begun
            if since < _FRESH_SECONDS and any(map(_fresh, connections)):
                pass
            elif told_before or since >= _IDLE_SECONDS or not any(map(_idle, connections)):
                break
            await asyncio.sleep(_POLL_SECONDS)
        await stop(self, None)

    Server.shutdown = shutdown


def _fresh(connection: Any) -> bool:
    """Whether no request's head has arrived on it yet (``cycle`` of uvicorn's httptools protocol)."""
    return getattr(connection, "cycle", connection) is None


def _idle(connection: Any) -> bool:
    """Whether it waits for a further request."""
    cycle = getattr(connection, "cycle", None)
    return cycle is not None and cycle.response_complete
