"""A connection that a stopping uvicorn worker has just accepted gets its answer.

uvicorn closes every connection without a request in flight when it stops (uvicorn/server.py, shutdown), one whose
request is on its way among them: its client sees a closed connection and no answer.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

# Longer than a client needs to send what it connected for; load balancers keep some connections open unused.
_PATIENCE_SECONDS: Final = 0.5
_POLL_SECONDS: Final = 0.01


def answer_them() -> None:
    """Make uvicorn's servers in this process, and in those forked from it, wait for such requests."""
    from uvicorn.server import Server

    stop = Server.shutdown

    async def shutdown(self: Any, sockets: Any = None) -> None:
        # No further ones: the sockets belong to the parent, where the next worker finds them.
        for server in self.servers:
            server.close()
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _PATIENCE_SECONDS
        while any(map(_unasked, self.server_state.connections)) and loop.time() < deadline:
            await asyncio.sleep(_POLL_SECONDS)
        await stop(self, sockets)

    Server.shutdown = shutdown


def _unasked(connection: Any) -> bool:
    """Whether no request's head has arrived on it yet (``cycle`` of uvicorn's httptools protocol)."""
    return getattr(connection, "cycle", connection) is None
