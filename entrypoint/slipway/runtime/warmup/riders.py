"""Modules that come along at import and that no gateway uses are left out, or load when they are used."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import LazyLoader, find_spec
from types import ModuleType
from typing import Final

from slipway.runtime.warmup.finders import asked_first, wrapped
from slipway.runtime.warmup.store import Store

# httpx's command line (rich, click, pygments): httpx itself goes on without it where rich is not installed.
_ABSENT: Final = frozenset({"httpx._main"})
# Imported whole (`import soundfile`) for one feature; where numpy is, it comes with it.
_LAZY: Final = frozenset({"soundfile"})
# LiteLLM tries to import it in each request, which without it costs a search of all packages: 5 % of the request.
_TRIED: Final = ("litellm_enterprise",)


class _Finder(MetaPathFinder):
    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name in _ABSENT:
            raise ImportError(f"{name} is left out of the gateway")
        if name not in _LAZY:
            return None
        return wrapped(LazyLoader, name, path, target)


@contextmanager
def left_out(store: Store) -> Iterator[None]:
    """Leave them out while the proxy is imported, and say for good what is not installed."""
    for name in _TRIED:
        if name not in sys.modules and find_spec(name) is None:
            # The import system's own sign for a module that cannot be imported.
            sys.modules[name] = None  # type: ignore[assignment]
    with asked_first(_Finder()):
        yield
