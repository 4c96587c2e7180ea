"""A worker startup hook: the running gateway tells its routes and which touch the database.

A route touches the database when the code of its endpoint, of its dependencies or of anything of LiteLLM that they
call by name mentions the client, `prisma_client`. Authentication is left out: every route would count.
"""

from __future__ import annotations

import dis
import functools
import importlib
import inspect
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

CLIENT = "prisma_client"
PROXY = "litellm.proxy."
AUTHENTICATION = "user_api_key_auth"
# Large modules of the generated client; one that still waits for its first use has a `__getattr__`.
CLIENT_MODULES = ("prisma.types", "prisma.models", "prisma.actions")


def init() -> None:
    from litellm.proxy.proxy_server import app

    def table() -> list[dict[str, object]]:
        return [row for route in app.routes if isinstance(route, APIRoute) for row in _rows(route)]

    def deferred() -> dict[str, bool]:
        return {name: "__getattr__" in vars(sys.modules[name]) for name in CLIENT_MODULES}

    _serve(app, "/test/routes", table)
    _serve(app, "/test/deferred", deferred)


def _serve(app: FastAPI, path: str, answer: Callable[[], object]) -> None:
    app.add_api_route(path, answer, methods=["GET"], include_in_schema=False)
    # In front of LiteLLM's catch-all routes.
    app.router.routes.insert(0, app.router.routes.pop())


def _rows(route: APIRoute) -> Iterator[dict[str, object]]:
    touches = any(_touches(call) for call in _calls(route.dependant))
    for method in sorted(route.methods):
        yield {
            "method": method,
            "path": route.path,
            "tags": [str(tag) for tag in route.tags],
            "touches": touches,
            "bare": not _demands(route.dependant),
        }


def _calls(dependant: Dependant) -> Iterator[Callable[..., Any]]:
    if dependant.call is not None and getattr(dependant.call, "__name__", "") != AUTHENTICATION:
        yield dependant.call
        for below in dependant.dependencies:
            yield from _calls(below)


def _demands(dependant: Dependant) -> bool:
    """Whether a call without any parameter is invalid."""
    given = [*dependant.path_params, *dependant.query_params, *dependant.header_params, *dependant.body_params]
    return any(field.field_info.is_required() for field in given) or any(
        _demands(below) for below in dependant.dependencies
    )


def _touches(call: Callable[..., Any]) -> bool:
    pending, seen = [call], set[Callable[..., Any]]()
    while pending:
        function = pending.pop()
        if function not in seen:
            seen.add(function)
            mentions, called = _read(function)
            if mentions:
                return True
            pending += called
    return False


@functools.cache
def _read(call: Callable[..., Any]) -> tuple[bool, tuple[Callable[..., Any], ...]]:
    """Whether a function mentions the client itself, and which functions it names."""
    function = inspect.unwrap(call)
    function = function.__func__ if inspect.ismethod(function) else function
    if not isinstance(function, types.FunctionType) or not function.__module__.startswith(PROXY):
        return False, ()
    codes = tuple(_codes(function.__code__))
    if any(CLIENT in {*code.co_names, *code.co_varnames, *code.co_freevars} for code in codes):
        return True, ()
    return False, tuple(named for code in codes for named in _called(code, function.__globals__))


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _codes(constant)


def _called(code: types.CodeType, names: dict[str, Any]) -> Iterator[Callable[..., Any]]:
    """Functions that `code` names: of its module, or imported inside it."""
    module = None
    for step in dis.get_instructions(code):
        if step.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
            yield from _functions(names.get(step.argval))
        elif step.opname == "IMPORT_NAME":
            module = _imported(step.argval)
        elif step.opname == "IMPORT_FROM" and module is not None:
            yield from _functions(getattr(module, step.argval, None))


def _imported(name: str) -> types.ModuleType | None:
    if not name.startswith(PROXY):
        return None
    try:
        return importlib.import_module(name)
    except ImportError:
        # An optional package that the image leaves out.
        return None


def _functions(found: object) -> Iterator[Callable[..., Any]]:
    if inspect.isclass(found) and found.__module__.startswith(PROXY):
        for attribute in vars(found).values():
            plain = attribute.__func__ if isinstance(attribute, (staticmethod, classmethod)) else attribute
            if inspect.isfunction(plain):
                yield plain
    elif inspect.isroutine(found):
        yield found
