"""Build stage: what is installed and what requirements/packages.toml lists must be the same.

Usage: allow_list.py VENV LIST TABLE... The tables are those of the target: slim for slim, slim and full for full. Each
entry of a table is a package and the reason why it is there; in a table without-TARGET, why it is not.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterator, Mapping
from importlib.metadata import distributions
from pathlib import Path

from licences import normalized

SHORTEST_REASON = 15
WITHOUT = "without-"


def complaints(installed: Mapping[str, str], tables: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    """Yield one sentence for each difference. ``installed`` is name to version, ``tables`` those of the target."""
    listed: dict[str, str] = {}
    for table, entries in tables.items():
        for name, reason in entries.items():
            if len(reason.strip()) < SHORTEST_REASON:
                yield f"{name} in [{table}] has no reason; write who imports it and for which feature"
            if not table.startswith(WITHOUT):
                if name in listed:
                    yield f"{name} stands in [{listed[name]}] and in [{table}]; keep one"
                listed[name] = table
            elif listed.pop(name, None) is None:
                yield f"{name} stands in [{table}] and in no table before it; remove the entry"
    last = [table for table in tables if not table.startswith(WITHOUT)][-1]
    for name in sorted(installed.keys() - listed.keys()):
        yield (
            f"{name} {installed[name]} is installed and not listed; write who imports it, and for which feature, "
            f"into [{last}], or leave it out (an override in requirements/)"
        )
    for name in sorted(listed.keys() - installed.keys()):
        yield f"{name} in [{listed[name]}] is not installed; remove the entry, or move it to the target that has it"


def main() -> int:
    """Print every complaint and return 1 when there is one."""
    venv, list_file, *names = sys.argv[1:]
    content = tomllib.loads(Path(list_file).read_text(encoding="utf-8"))
    folder = next((Path(venv) / "lib").glob("python3.*")) / "site-packages"
    installed = {normalized(package): package.version for package in distributions(path=[str(folder)])}
    found = list(complaints(installed, {name: content.get(name, {}) for name in names}))
    for complaint in found:
        print(f"packages.toml: {complaint}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
