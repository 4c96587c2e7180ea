"""The large modules of prisma's generated client load when something in them is first used.

``prisma.types`` is 10 MB of TypedDicts that only annotations name; ``models`` and ``actions`` are needed by those who
have a database. Every name stays importable from where it was: the first one that is asked for loads the module.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, Final

from slipway.runtime.warmup.finders import asked_first, wrapped
from slipway.runtime.warmup.store import Store

_DEFERRED: Final = frozenset({"prisma.types", "prisma.models", "prisma.actions"})
# What the client takes from `prisma.types` while it is imported; `prisma._types` defines them.
_EAGER: Final = ("DatasourceOverride", "HttpConfig", "MetricsFormat", "SortMode", "SortOrder")
# What queries need; in a master with a database they load before it forks.
_FOR_QUERIES: Final = ("prisma.models", "prisma.actions")


class _Deferring(Loader):
    def __init__(self, loader: Loader) -> None:
        self._loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        lock = threading.RLock()
        loading = False

        def load() -> None:
            nonlocal loading
            # Other threads wait for the lock; this one may ask again while the module runs.
            with lock:
                if loading or "__getattr__" not in vars(module):
                    return
                loading = True
                try:
                    self._loader.exec_module(module)
                    vars(module).pop("__getattr__", None)
                finally:
                    loading = False

        def __getattr__(name: str) -> Any:
            # The import system and inspect ask every module for such names; only `import *` needs this one.
            if name.startswith("__") and name != "__all__":
                raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}")
            load()
            try:
                return vars(module)[name]
            except KeyError:
                raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}") from None

        vars(module)["__getattr__"] = __getattr__
        if module.__name__ == "prisma.types":
            source = import_module("prisma._types")
            vars(module).update((name, getattr(source, name)) for name in _EAGER if hasattr(source, name))

    def get_source(self, name: str) -> str | None:
        """Return the real module's text, for tracebacks and inspect."""
        return self._loader.get_source(name)  # type: ignore[attr-defined,no-any-return]  # a source loader has it


class _Finder(MetaPathFinder):
    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name not in _DEFERRED:
            return None
        return wrapped(_Deferring, name, path, target)


@contextmanager
def deferred_modules(store: Store) -> Iterator[None]:
    """Defer them while the proxy is imported; what is imported then stays deferred until it is used."""
    with asked_first(_Finder()):
        yield


def load_for_queries() -> None:
    """Load what every query needs, so that workers share it."""
    for name in _FOR_QUERIES:
        module = sys.modules.get(name)
        if module is not None:
            getattr(module, "__all__", None)
