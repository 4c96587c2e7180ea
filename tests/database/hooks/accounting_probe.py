"""A startup hook: a callback that holds requests back on demand."""

import asyncio
from pathlib import Path

from litellm.integrations.custom_logger import CustomLogger

GATE = Path("/tmp/gate")


class Held(CustomLogger):  # type: ignore[misc]
    """Stands for a destination of logs that is slow: LiteLLM runs it before it makes the row."""

    async def async_log_success_event(self, *_: object, **__: object) -> None:
        while not GATE.exists():
            await asyncio.sleep(0.02)


def hold() -> None:
    import litellm

    litellm.logging_callback_manager.add_litellm_async_success_callback(Held())
