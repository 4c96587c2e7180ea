"""hypercorn's worker ends when its parent is gone: it ignores signals, and nobody is left to set its event."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from multiprocessing import parent_process
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from multiprocessing.synchronize import Event

_POLL_SECONDS: Final = 0.1


async def _told_or_left_alone(shutdown_event: Event, sleep: Callable[[float], Awaitable[object]]) -> None:
    parent = parent_process()
    while not shutdown_event.is_set() and (parent is None or parent.is_alive()):
        await sleep(_POLL_SECONDS)


def end_with_parent() -> None:
    """Have this process's workers, or this worker, end as if told when their parent has died."""
    from hypercorn.asyncio import run

    run.check_multiprocess_shutdown_event = _told_or_left_alone
