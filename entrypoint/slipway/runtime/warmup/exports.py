"""Packages whose ``__init__`` only passes on names of their modules pass on each when it is asked for."""

from __future__ import annotations

import importlib
import importlib.machinery
from types import ModuleType
from typing import Any


class Passing(importlib.machinery.SourceFileLoader):
    """Loads such a package without running its ``__init__``."""

    def __init__(self, name: str, path: str, names: dict[str, tuple[str, str]], constants: dict[str, Any]) -> None:
        super().__init__(name, path)
        self._names = names
        self._constants = constants

    def exec_module(self, module: ModuleType) -> None:
        """Give the package its constants, and the rest on demand."""
        package = module.__name__
        state = vars(module)
        state.update(self._constants)

        def __getattr__(name: str) -> Any:
            if name in self._names:
                place, attribute = self._names[name]
                value = _find(place, attribute)
                state[name] = value
                return value
            if name == "__all__":
                return [public for public in self._names if not public.startswith("_")]
            if not name.startswith("__"):
                # A module below is an attribute as soon as an __init__ imports it, which this one has not done.
                try:
                    return importlib.import_module(f"{package}.{name}")
                except ModuleNotFoundError:
                    pass
            raise AttributeError(f"module {package!r} has no attribute {name!r}")

        def __dir__() -> list[str]:
            return sorted({*state, *self._names})

        state.update(__getattr__=__getattr__, __dir__=__dir__)


def _find(place: str, attribute: str) -> Any:
    module = importlib.import_module(place)
    try:
        return getattr(module, attribute)
    except AttributeError:
        return importlib.import_module(f"{place}.{attribute}")
