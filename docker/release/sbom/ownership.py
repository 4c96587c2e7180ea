"""Which component each file of an image belongs to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from sbom.component import Component
from sbom.tree import Tree

_BYTECODE = re.compile(r"__pycache__/([^/]+)\.cpython-\d+(\.opt-\d)?\.pyc$")


@dataclass(frozen=True)
class Ownership:
    """``owners`` has a component's id for a path; ``nobodys`` are left, and ``unused`` patterns matched none."""

    owners: Mapping[str, str]
    nobodys: Sequence[str]
    unused: Sequence[str]


def assign(tree: Tree, components: Iterable[Component], made: Sequence[Mapping[str, Any]]) -> Ownership:
    """Ask the lists of packages, then the rules for what no package lists."""
    listed = {path: component.id for component in components for path in component.files}
    owners: dict[str, str] = {}
    nobodys: list[str] = []
    used: set[str] = set()
    for path in tree:
        known = listed.get(path) or listed.get(source(path))
        if known is None:
            rule, pattern = next(_matching(path, made), (None, ""))
            used.add(pattern)
            known = rule["owner"] if rule else None
        if known is None:
            nobodys.append(path)
        else:
            owners[path] = known
    patterns = [pattern for rule in made for pattern in rule["files"]]
    return Ownership(owners, nobodys, [pattern for pattern in patterns if pattern not in used])


def source(path: str) -> str:
    """Return what a file of bytecode was compiled from; any other path as it is."""
    return _BYTECODE.sub(r"\1.py", path)


def _matching(path: str, made: Sequence[Mapping[str, Any]]) -> Iterator[tuple[Mapping[str, Any], str]]:
    for rule in made:
        for pattern in rule["files"]:
            if fnmatchcase(path, pattern):
                yield rule, pattern
