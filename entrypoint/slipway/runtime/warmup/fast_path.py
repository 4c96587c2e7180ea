"""What a fast path is: a change to how LiteLLM's proxy is imported."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from slipway.runtime.change import Change
from slipway.runtime.warmup.store import Store


@dataclass(frozen=True, slots=True)
class FastPath(Change):
    """In effect from ``enter`` on, which takes the image's record and returns a context manager around the import.

    Entering raises Unfit and changes nothing when the installed code differs from what it expects.
    """

    enter: Callable[[Store], AbstractContextManager[None]]
