"""Every error that can end a start is explained on the page of its exit code."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted((ROOT / "entrypoint" / "slipway").rglob("*.py"))
# Calls whose first argument is an error's id; of Finding, the second says whether it is one.
MAKERS = ("refuse", "_error", "_finding", "Finding")


def error_ids() -> list[str]:
    """The ids that the source names in so many words."""
    calls = [node for path in SOURCES for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    return sorted({call.args[0].value for call in calls if is_error(call)})  # type: ignore[attr-defined]


def is_error(call: ast.Call) -> bool:
    name = getattr(call.func, "attr", None) or getattr(call.func, "id", "")
    first, *others = (argument.value if isinstance(argument, ast.Constant) else None for argument in [*call.args, call])
    return name in MAKERS and isinstance(first, str) and (name != "Finding" or others[0] == "error")


@pytest.mark.parametrize("id", error_ids())
def test_each_error_is_explained(id: str) -> None:
    pages = [page.read_text() for page in (ROOT / "docs" / "runbooks").glob("*.md")]
    assert any(f"`{id}`" in page for page in pages)
