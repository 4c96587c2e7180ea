"""Packages whose ``__init__`` only passes on names of their modules pass on each when it is asked for."""

from __future__ import annotations

import ast
import importlib
import importlib.machinery
from importlib.util import resolve_name
from pathlib import Path
from types import ModuleType
from typing import Any, Final

# Large trees of types of which the gateway uses few; each `__init__` below them is read when the image is built.
_TREES: Final = ("openai", "mcp", "mcp_types")
_FEW: Final = 4


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
            if not name.startswith("_"):
                # `import openai.types` alone makes `openai.types.chat` available where an __init__ imports it.
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


def table(name: str, source: str) -> tuple[dict[str, tuple[str, str]], dict[str, Any]] | None:
    """Return what a package passes on and its constants, or None when its ``__init__`` does anything else."""
    if name.partition(".")[0] not in _TREES:
        return None
    names: dict[str, tuple[str, str]] = {}
    constants: dict[str, Any] = {}
    for node in ast.parse(Path(source).read_text(encoding="utf-8")).body:
        match node:
            case ast.ImportFrom(module="__future__") | ast.Expr(value=ast.Constant()):
                continue
            case ast.ImportFrom(module=module, names=aliases, level=level):
                if any(alias.name == "*" for alias in aliases):
                    return None
                place = resolve_name("." * level + (module or ""), name) if level else str(module)
                names.update({alias.asname or alias.name: (place, alias.name) for alias in aliases})
            case ast.Assign(targets=[ast.Name(id=constant)], value=value):
                try:
                    constants[constant] = ast.literal_eval(value)
                except ValueError:
                    return None
            case _:
                return None
    return (names, constants) if len(names) >= _FEW else None
