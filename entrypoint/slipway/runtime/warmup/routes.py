"""FastAPI analyses a route when it is first asked for, instead of when it is declared.

LiteLLM declares about 670 routes, each twice (on a router and, included, on the app), and FastAPI inspects the
endpoint, its dependencies and their types each time. A gateway serves a few dozen of them. What the app's list of
routes needs (path, methods, name, tags) is there at once; the rest when an attribute of it is read.
"""

from __future__ import annotations

import inspect
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from slipway.runtime.change import expect
from slipway.runtime.warmup.store import Store

_INIT: Final = "20e4fd11412e"
_INCLUDE: Final = "45f085149433"
_PENDING: Final = "_slipway_pending"
# Worked out by the analysis from the argument of the same name; an including router hands the argument on.
_DERIVED: Final = ("response_model", "description")


@contextmanager
def deferred_routes(store: Store) -> Iterator[None]:
    """Defer the analysis of routes declared meanwhile. Raises Unfit."""
    from fastapi import routing
    from starlette.routing import compile_path

    route: Any = routing.APIRoute
    router: Any = routing.APIRouter
    init, include = route.__init__, router.include_router
    expect(init, _INIT)
    expect(include, _INCLUDE)
    parameters = inspect.signature(init).parameters
    defaults = {
        name: parameter.default for name, parameter in parameters.items() if parameter.kind.name == "KEYWORD_ONLY"
    }
    including = 0
    lock = threading.RLock()

    def declare(self: Any, path: str, endpoint: Any, **options: Any) -> None:
        state = vars(self)
        state.update(defaults)
        state.update(options)
        for name in (*_DERIVED, "status_code"):
            state.pop(name, None)
        state[_PENDING] = (path, endpoint, options)
        state.update(
            path=path,
            endpoint=endpoint,
            name=options.get("name") or routing.get_name(endpoint),
            methods={method.upper() for method in options.get("methods") or ("GET",)},
            tags=options.get("tags") or [],
            responses=options.get("responses") or {},
            dependencies=list(options.get("dependencies") or []),
        )
        self.path_regex, self.path_format, self.param_convertors = compile_path(path)

    def analyse(self: Any) -> None:
        given = dict(vars(self))
        path, endpoint, options = given.pop(_PENDING)
        # Marked as under way for what it reads of itself; other threads wait for the lock.
        vars(self)[_PENDING] = None
        try:
            init(self, path, endpoint, **options)
        except BaseException:
            vars(self)[_PENDING] = (path, endpoint, options)
            raise
        # What somebody has set since the declaration stays.
        vars(self).update(given)
        del vars(self)[_PENDING]

    def missing(self: Any, name: str) -> Any:
        if not name.startswith("__") and _PENDING in vars(self):
            pending = vars(self).get(_PENDING)
            if pending is not None and including and name in (*_DERIVED, "status_code"):
                return pending[2].get(name, defaults[name])
            with lock:
                if vars(self).get(_PENDING) is not None:
                    analyse(self)
        # Also what another thread has just worked out; what is still missing is an AttributeError.
        return object.__getattribute__(self, name)

    def include_router(self: Any, *arguments: Any, **options: Any) -> None:
        nonlocal including
        including += 1
        try:
            include(self, *arguments, **options)
        finally:
            including -= 1

    route.__init__, route.__getattr__, router.include_router = declare, missing, include_router
    try:
        yield
    finally:
        route.__init__, router.include_router = init, include
