"""Build stage: records the import of the proxy. ``python3 -P -m slipway.runtime.warmup.record FILE``.

Fails when a fast path does not fit the installed code, or when something that was deferred cannot be completed.
"""

from __future__ import annotations

import gc
import sys
from pathlib import Path

from slipway.runtime.warmup import Store, entered, table
from slipway.runtime.warmup.places import current


def main() -> int:
    """Import the proxy, write the record, and complete everything that was deferred."""
    store, refused = Store(records=True), list[str]()
    gc.disable()
    with entered(store, {}, refused):
        from litellm.proxy.proxy_server import app
    if refused:
        print("\n".join(f"record: {reason}" for reason in refused), file=sys.stderr)
        return 1
    store.places = current()
    for name, (source, _, package) in store.places.items():
        found = table(name, source) if package else None
        if found is not None:
            store.exports[name] = found
    store.save(Path(sys.argv[1]))
    for route in app.routes:
        getattr(route, "dependant", None)
    print(
        f"record: {len(store.places)} modules, {len(store.texts)} texts, {len(store.patterns)} patterns, "
        f"{len(store.exports)} packages that pass names on, {len(app.routes)} routes",
        file=sys.stderr,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
