"""A row does not wait longer in memory than the interval that is set.

LiteLLM looks at its queue each SPEND_LOG_QUEUE_POLL_INTERVAL seconds, and waits half as long again after each look that
finds fewer than SPEND_LOG_QUEUE_SIZE_THRESHOLD rows, up to 30 s: the less traffic, the longer a row waits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio


class Alarm:
    """Wakes LiteLLM's own monitor, by its own event, ``seconds`` after the first row that came since the last time."""

    def __init__(self, seconds: float, wake: Callable[[Any], None]) -> None:
        self._seconds, self._wake = seconds, wake
        self._timer: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def set(self, client: Any) -> None:
        """Wake the monitor of the database client in time, unless that is to happen anyway."""
        # Imported here, as in the whole package: `explain` names what it changes, without a loop.
        from asyncio import get_running_loop

        loop = get_running_loop()
        if self._timer is not None and self._loop is loop:
            return
        self._loop = loop
        self._timer = loop.call_later(self._seconds, self._ring, client)

    def _ring(self, client: Any) -> None:
        self._timer = None
        self._wake(client)


def alarm() -> Alarm:
    """An alarm for LiteLLM's monitor after its own interval. Raises Unfit."""
    from litellm.constants import SPEND_LOG_QUEUE_POLL_INTERVAL
    from litellm.proxy import utils

    from slipway.runtime.change import expect

    expect(utils.request_spend_log_flush, "1a4c766e2a74")
    expect(utils.monitor_spend_logs_queue, "9de2e09a5f03")
    return Alarm(SPEND_LOG_QUEUE_POLL_INTERVAL, utils.request_spend_log_flush)
