"""Build stage: records the import of the proxy. ``python3 -P -m slipway.runtime.warmup.record FILE [LEFT_OUT]``.

Fails when a change does not fit the installed code, once the record of the others is written, or when what was deferred
cannot be completed. With LEFT_OUT, which the images of other lines of LiteLLM are built with, changes that do not fit
are written there instead, with their reasons.
"""

from __future__ import annotations

import ast
import gc
import json
import sys
from importlib.util import resolve_name
from pathlib import Path
from typing import Any, Final

from slipway.runtime import accounting, config_in_force, request_path
from slipway.runtime.warmup import Store, entered
from slipway.runtime.warmup.first_request import serve
from slipway.runtime.warmup.places import current
from slipway.runtime.warmup.rehearsal import complete_models, seen

# Large trees of types of which the gateway uses few; each `__init__` below them is read when the image is built.
_TREES: Final = ("openai", "mcp", "mcp_types")
_FEW: Final = 4


def main() -> int:
    """Import the proxy, write the record, and complete everything that was deferred."""
    store, refused = Store(records=True), list[str]()
    gc.disable()
    with entered(store, {}, refused):
        from litellm.proxy.proxy_server import app

        modules, models = frozenset(sys.modules), complete_models()
        request_path.install({}, refused)
        accounting.install({}, refused)
        config_in_force.install({}, refused)
        serve(app)
        store.rehearsal = seen(app, modules, models)
    store.places = current()
    packages = {name: source for name, (source, _, package) in store.places.items() if package}
    tables = {name: table(name, source) for name, source in packages.items()}
    store.exports = {name: found for name, found in tables.items() if found is not None}
    store.save(Path(sys.argv[1]))
    _complete(app)
    counts = f"{len(store.places)} modules, {len(store.texts)} texts, {len(store.patterns)} patterns"
    print(f"record: {counts}, {len(store.exports)} packages that pass names on", file=sys.stderr)
    late = store.rehearsal
    print(
        f"record: first requests load {len(late.modules)} modules, {len(late.models)} models, {len(late.routes)} routes"
    )
    if refused:
        print("\n".join(f"record: {reason}" for reason in refused), file=sys.stderr)
    if report := sys.argv[2:]:
        left_out = {name: reason for name, _, reason in (line.partition(": ") for line in refused)}
        Path(report[0]).write_text(json.dumps(left_out), encoding="utf-8")
        return 0
    return 1 if refused else 0


def _complete(app: Any) -> None:
    """Analyse every route and build every schema. Raises what a request for it would have met."""
    from pydantic import BaseModel

    for route in app.routes:
        getattr(route, "dependant", None)
    pending = [BaseModel]
    while pending:
        model = pending.pop()
        pending += model.__subclasses__()
        if model.__module__.partition(".")[0] in ("litellm", "prisma"):
            model.model_rebuild(raise_errors=False)


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


if __name__ == "__main__":
    sys.exit(main())
