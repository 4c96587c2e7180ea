"""What a worker that ends does before LiteLLM's own shutdown, while its database engine lives.

LiteLLM's shutdown writes the sums of keys, teams and users, then the rows, and never the sums of tags; it does not wait
for the handlers of the last answers (proxy_server.py, the end of the lifespan). What they make afterwards is lost.
"""

from __future__ import annotations

from typing import Any, Final

from slipway import log
from slipway.runtime.accounting.ledger import Ledger

# Half of what a server has for its flush after the last request (budget.py); LiteLLM's own needs the rest.
SECONDS: Final = 15.0
_POLL_SECONDS: Final = 0.02


async def settled(ledger: Ledger, seconds: float) -> int:
    """Wait for requests that are served and for what they leave to account, then write the sums of tags."""
    import asyncio

    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while (_in_flight() or ledger.busy) and loop.time() < deadline:
        await asyncio.sleep(_POLL_SECONDS)
    if ledger.busy:
        log.line(f"{len(ledger.answered)} answered requests are not accounted after {seconds:g} s", level="warning")
    try:
        await asyncio.wait_for(_write_tags(), max(deadline - loop.time(), seconds / 3))
    except Exception as problem:
        log.line(f"the spend of tags could not be written: {type(problem).__name__}: {problem}", level="warning")
    return ledger.pending


def _in_flight() -> int:
    from litellm.proxy.middleware.in_flight_requests_middleware import get_in_flight_requests

    return int(get_in_flight_requests())


async def _write_tags() -> None:
    from litellm.proxy import proxy_server, utils

    client: Any = proxy_server.prisma_client
    if client is not None:
        await utils.update_daily_tag_spend(client, proxy_server.proxy_logging_obj)
