"""Reading Python source by its syntax tree: what is imported is never run."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Module:
    """One source file: its path below site-packages, its tree, and all nodes of it."""

    path: str
    tree: ast.Module
    nodes: tuple[ast.AST, ...]


def modules(packages: Path, names: Sequence[str]) -> Iterator[Module]:
    """Yield every module of the packages called ``names``, in a fixed order; what is no Python 3 is left out."""
    for name in names:
        for file in sorted((packages / name).rglob("*.py")):
            yield from _read(packages, file)


def parse(path: str, text: str) -> Module:
    """Return a module from its text. Raises SyntaxError."""
    with warnings.catch_warnings():
        # Of other people's escapes in strings.
        warnings.simplefilter("ignore")
        tree = ast.parse(text)
    return Module(path, tree, tuple(ast.walk(tree)))


def _read(packages: Path, file: Path) -> Iterator[Module]:
    try:
        yield parse(str(file.relative_to(packages)), file.read_text(encoding="utf-8"))
    except (SyntaxError, UnicodeDecodeError):
        return


def last_name(node: ast.AST) -> str:
    """Return the last part of a dotted name, such as ``get`` of ``os.environ.get``; empty for anything else."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def text(node: ast.AST | None) -> str | None:
    """Return the string that a node is; None when it is none."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def key_read(node: ast.AST) -> tuple[ast.AST, ast.AST] | None:
    """Return (mapping, key) of ``mapping.get(key)``, ``mapping[key]`` and ``key in mapping``, or None."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
        if node.func.attr in ("get", "pop", "setdefault"):
            return node.func.value, node.args[0]
    elif isinstance(node, ast.Subscript):
        return node.value, node.slice
    elif isinstance(node, ast.Compare) and len(node.ops) == 1 and isinstance(node.ops[0], ast.In | ast.NotIn):
        return node.comparators[0], node.left
    return None
