"""npm's packages, bundled into Prisma's two programs, of the locks they were built from."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from sbom.component import Component
from sbom.tree import Tree

PROGRAMS = {"prisma": "/opt/slipway/prisma/prisma/", "query-engine": "/opt/slipway/prisma/query-engine/"}


def find(tree: Tree, locks: Path) -> Iterator[Component]:
    """Yield what is bundled where the image has the program; ``locks`` is docker/prisma."""
    found: dict[str, Component] = {}
    for program, folder in PROGRAMS.items():
        files = frozenset(path for path in tree if path.startswith(folder))
        packages = json.loads((locks / program / "package-lock.json").read_text(encoding="utf-8"))["packages"]
        for path, package in packages.items() if files else ():
            if not path or package.get("dev") or package.get("optional"):
                continue
            namespace, _, name = path.rpartition("node_modules/")[2].rpartition("/")
            one = Component(
                "npm", name, package["version"], (package["license"],), namespace=namespace,
                files=files | (found[path].files if path in found else frozenset()),
            )  # fmt: skip
            found[path] = one
    yield from found.values()
