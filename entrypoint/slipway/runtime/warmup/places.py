"""Modules are found at the places where the image's build found them, without asking the file system for others."""

from __future__ import annotations

import importlib.machinery
import marshal
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from pathlib import Path
from types import CodeType, ModuleType
from typing import Final, cast

from slipway.runtime.warmup.exports import Passing
from slipway.runtime.warmup.finders import asked_first
from slipway.runtime.warmup.store import Store

# Bytecode that is good without a look at its source, as the image's build compiles it (PEP 552).
_UNCHECKED: Final = b"\x01\x00\x00\x00"
_HEADER: Final = 16


class _Loader(importlib.machinery.SourceFileLoader):
    def __init__(self, name: str, path: str, bytecode: bytes) -> None:
        super().__init__(name, path)
        self._bytecode = bytecode

    def get_code(self, name: str) -> CodeType | None:
        bytecode, self._bytecode = self._bytecode, b""
        if not bytecode:
            return super().get_code(name)
        return cast(CodeType, marshal.loads(memoryview(bytecode)[_HEADER:]))


class _Finder(MetaPathFinder):
    def __init__(self, store: Store) -> None:
        self._store = store
        # What a user put before the image's packages stays before them.
        given = (Path(entry) for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry)
        self._given = {place.name.partition(".")[0] for entry in given if entry.is_dir() for place in entry.iterdir()}

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        place = self._store.places.get(name)
        if place is None or name.partition(".")[0] in self._given:
            return None
        source, cached, package = place
        try:
            with open(cached, "rb", buffering=0) as file:
                bytecode = file.read()
        except OSError:
            return None
        # A package that somebody installed over the image's own is none of ours.
        if bytecode[4:8] != _UNCHECKED:
            return None
        loader: importlib.machinery.SourceFileLoader = _Loader(name, source, bytecode)
        exports = self._store.exports.get(name)
        if exports is not None:
            loader = Passing(name, source, *exports)
        spec = importlib.machinery.ModuleSpec(name, loader, origin=source, is_package=package)
        spec.has_location = True
        spec.cached = cached
        if spec.submodule_search_locations is not None:
            spec.submodule_search_locations.append(source.rpartition("/")[0])
        return spec


@contextmanager
def known_places(store: Store) -> Iterator[None]:
    """Find modules by the store while the proxy is imported."""
    with asked_first(_Finder(store)):
        yield


def current() -> dict[str, tuple[str, str, bool]]:
    """Return the places of the packages imported by now, for the store."""
    found = {}
    for name, module in list(sys.modules.items()):
        spec = getattr(module, "__spec__", None)
        if spec is None or spec.name != name or not spec.origin or not spec.cached:
            continue
        if spec.origin.startswith(f"{sys.prefix}/") and spec.origin.endswith(".py"):
            found[name] = (spec.origin, spec.cached, spec.submodule_search_locations is not None)
    return found
