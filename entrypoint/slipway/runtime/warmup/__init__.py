"""The fast paths of the proxy's import. This package imports only the standard library until a path is entered.

Each path is a file of its own with the reason at its top, has a switch, and checks that the installed code is what it
was written for; otherwise it is left out with a warning (at the image's build: an error). Decision 0009 has what each
one brings.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Final

from slipway.runtime.change import Unfit
from slipway.runtime.warmup.fast_path import FastPath
from slipway.runtime.warmup.places import known_places
from slipway.runtime.warmup.prisma_client import deferred_modules
from slipway.runtime.warmup.riders import left_out
from slipway.runtime.warmup.routes import deferred_routes
from slipway.runtime.warmup.schemas import deferred_schemas
from slipway.runtime.warmup.store import Store, load
from slipway.runtime.warmup.texts import compiled_patterns, compiled_texts

__all__ = ["FAST_PATHS", "FastPath", "Store", "Unfit", "entered", "load"]

# In the order in which they are entered: the finders before what imports.
FAST_PATHS: Final = (
    FastPath(
        "known-places",
        "finds modules where the image's build found them, and names of re-exporting packages on demand",
        "SLIPWAY_PATCH_KNOWN_PLACES",
        known_places,
    ),
    FastPath(
        "compiled-texts",
        "takes annotations and dataclass methods, which Python compiles at import, from the image's build",
        "SLIPWAY_PATCH_COMPILED_TEXTS",
        compiled_texts,
    ),
    FastPath(
        "compiled-patterns",
        "takes the regular expressions that are compiled at import from the image's build",
        "SLIPWAY_PATCH_COMPILED_PATTERNS",
        compiled_patterns,
    ),
    FastPath(
        "left-out",
        "leaves out modules that come along at import and serve no gateway",
        "SLIPWAY_PATCH_LEFT_OUT",
        left_out,
    ),
    FastPath(
        "deferred-prisma",
        "loads the large modules of the database client when something in them is used",
        "SLIPWAY_PATCH_DEFERRED_PRISMA",
        deferred_modules,
    ),
    FastPath(
        "deferred-schemas",
        "builds pydantic's schemas when they are first used",
        "SLIPWAY_PATCH_DEFERRED_SCHEMAS",
        deferred_schemas,
    ),
    FastPath(
        "deferred-routes",
        "analyses FastAPI's routes when they are first asked for",
        "SLIPWAY_PATCH_DEFERRED_ROUTES",
        deferred_routes,
    ),
)


@contextmanager
def entered(store: Store, environment: Mapping[str, str], refused: list[str]) -> Iterator[None]:
    """Enter every path that is wanted; those that do not fit are left out and named in ``refused``."""
    with ExitStack() as stack:
        for path in FAST_PATHS:
            if not path.wanted(environment):
                continue
            try:
                stack.enter_context(path.enter(store))
            except (Unfit, ImportError, AttributeError) as problem:
                refused.append(f"{path.name}: {problem}")
        yield
