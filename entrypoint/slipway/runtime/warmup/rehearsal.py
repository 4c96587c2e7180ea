"""What a first request would load is loaded before it comes: modules, schemas and routes, by name from the record.

LiteLLM imports some 170 modules while it serves its first request, and with deferred schemas some ninety more classes
are completed: half a second in each worker, in memory that no other worker shares. Before a fork it happens once.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final

from slipway.runtime.warmup import prisma_client
from slipway.runtime.warmup.store import Rehearsal

_DATABASE: Final = ("DATABASE_URL", "DATABASE_HOST", "SLIPWAY_CONFIG_NAMES_DATABASE")


def rehearse(app: Any, known: Rehearsal) -> None:
    """Load what the record names. What fails here fails again, and is told, when a request needs it."""
    for name in known.modules:
        with suppress(Exception):
            importlib.import_module(name)
    for name in known.models:
        model = _find(name)
        if model is not None:
            with suppress(Exception):
                model.model_rebuild(raise_errors=False)
    wanted = set(known.routes)
    for route in app.routes:
        if _key(route) in wanted:
            with suppress(Exception):
                # Reading it completes the route.
                getattr(route, "dependant", None)
    if any(os.environ.get(name) for name in _DATABASE):
        prisma_client.load_for_queries()


def seen(app: Any, modules: frozenset[str], models: frozenset[str]) -> Rehearsal:
    """Return what was loaded since ``modules`` were imported and ``models`` complete, for the record."""
    late = [name for name in sys.modules if name not in modules and _installed(name)]
    routes = [_key(route) for route in app.routes if "dependant" in vars(route)]
    return Rehearsal(late, sorted(complete_models() - models), sorted(routes))


def complete_models() -> frozenset[str]:
    """Return the pydantic classes whose schema is built, as MODULE:NAME."""
    from pydantic import BaseModel

    return frozenset(
        f"{model.__module__}:{model.__qualname__}"
        for model in _below(BaseModel)
        if vars(model).get("__pydantic_complete__") and "<" not in model.__qualname__
    )


def _below(model: type) -> Iterator[type]:
    children: list[type] = model.__subclasses__()
    for child in children:
        yield child
        yield from _below(child)


def _installed(name: str) -> bool:
    origin = getattr(getattr(sys.modules[name], "__spec__", None), "origin", None)
    return isinstance(origin, str) and origin.startswith(f"{sys.prefix}/")


def _key(route: Any) -> str:
    return f"{','.join(sorted(getattr(route, 'methods', None) or ()))} {getattr(route, 'path', '')}"


def _find(name: str) -> Any:
    module, _, path = name.partition(":")
    found: Any = sys.modules.get(module)
    for part in path.split("."):
        found = getattr(found, part, None)
    return found if isinstance(found, type) else None
