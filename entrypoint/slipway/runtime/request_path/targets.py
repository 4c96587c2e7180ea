"""What a datastore call is for is noted by a plain object.

LiteLLM names it around some thirty calls in each request with a context manager that is a generator
(litellm/_internal_context.py, service_target): three Python frames where one object does.
"""

from __future__ import annotations

from types import TracebackType
from typing import Any

from slipway.runtime.change import expect


def light_targets() -> None:
    """Put a class in the place of the generator, for all calls that a decorator names. Raises Unfit."""
    from litellm import _internal_context

    context: Any = _internal_context
    expect(context.service_target.__wrapped__, "3b2ed12198f1")
    expect(context._restore, "d1243773056a")
    variable, restore = context._service_target, context._restore

    class Target:
        __slots__ = ("_target", "_token")

        def __init__(self, target: str | None) -> None:
            self._target = target

        def __enter__(self) -> None:
            self._token = variable.set(self._target)

        def __exit__(
            self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
        ) -> None:
            restore(variable, self._token)

    context.service_target = Target
