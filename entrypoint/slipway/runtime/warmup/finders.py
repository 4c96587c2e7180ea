"""What the finders of the fast paths share: their place in front of all others, and a loader around the real one."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType


@contextmanager
def asked_first(finder: MetaPathFinder) -> Iterator[None]:
    """Ask ``finder`` before all others meanwhile."""
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


def wrapped(
    wrap: Callable[[Loader], Loader], name: str, path: Sequence[str] | None, target: ModuleType | None
) -> ModuleSpec | None:
    """Return the module's own spec with ``wrap`` around its loader, or None when there is no such module."""
    spec = PathFinder.find_spec(name, path, target)
    if spec is not None and spec.loader is not None:
        spec.loader = wrap(spec.loader)
    return spec
