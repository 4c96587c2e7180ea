"""Every finding has its page, and every page of an error is reached from that of its exit code."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from slipway.report import ExitCode

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted((ROOT / "entrypoint" / "slipway").rglob("*.py"))
PAGES = ROOT / "docs" / "runbooks"
# Pages of findings have their ids as names; those of alerts begin with Slipway, those of exit codes are numbers.
FINDING_PAGES = sorted(PAGES.glob("[a-z]*.md"))
MAKERS = frozenset({"Finding", "refuse"})
PARTS = ("Cause", "Fix", "Verify")
# A fixed piece of a sentence is telling from so many letters on.
TELLING = 8


@dataclass(frozen=True)
class Found:
    """A place in the source that makes a finding: its id, fixed pieces of what it prints, its codes as an error."""

    id: str
    pieces: tuple[str, ...]
    codes: frozenset[int]


def name_of(call: ast.Call) -> str:
    return str(getattr(call.func, "attr", None) or getattr(call.func, "id", ""))


def argument(call: ast.Call, place: int, name: str) -> ast.expr | None:
    named = (keyword.value for keyword in call.keywords if keyword.arg == name)
    return call.args[place] if len(call.args) > place else next(named, None)


def inside(node: ast.AST, *kinds: type[ast.AST]) -> Iterator[ast.AST]:
    """Everything below a node, but what is inside functions of its own."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, kinds):
            yield child
        if not isinstance(child, ast.FunctionDef):
            yield from inside(child, *kinds)


def helpers(tree: ast.Module) -> dict[str, ast.FunctionDef]:
    """The functions of a module that pass the id of their caller on, to a maker or to each other."""
    found: dict[str, ast.FunctionDef] = {}
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    while more := {node.name: node for node in functions if node.name not in found and passes_on(node, {*found})}:
        found |= more
    return found


def passes_on(function: ast.FunctionDef, helpers: set[str]) -> bool:
    calls = [call for call in inside(function, ast.Call) if isinstance(call, ast.Call)]
    firsts = [argument(call, 0, "id") for call in calls if name_of(call) in MAKERS | helpers]
    return any(isinstance(first, ast.Name) and first.id == "id" for first in firsts)


def codes(node: ast.AST) -> frozenset[int]:
    """The exit codes that are named in a piece of source."""
    named = (inner for inner in ast.walk(node) if isinstance(inner, ast.Attribute))
    return frozenset(
        ExitCode[inner.attr].value
        for inner in named
        if "ExitCode" in (getattr(inner.value, "id", ""), getattr(inner.value, "attr", ""))
    )


def codes_of(node: ast.AST, helpers: dict[str, ast.FunctionDef]) -> frozenset[int]:
    """The exit codes of a function, or of the helpers that it calls."""
    names = {name_of(call) for call in inside(node, ast.Call) if isinstance(call, ast.Call)} & {*helpers}
    return codes(node) or frozenset(code for name in names for code in codes(helpers[name]))


def pieces(node: ast.AST | None) -> tuple[str, ...]:
    texts = (inner.value for inner in ast.walk(node) if isinstance(inner, ast.Constant)) if node else ()
    return tuple(" ".join(text.split()) for text in texts if isinstance(text, str) and len(text.strip()) >= TELLING)


def findings(tree: ast.Module) -> Iterator[Found]:
    aside = helpers(tree)
    for scope in (tree, *(node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))):
        for call in inside(scope, ast.Call):
            assert isinstance(call, ast.Call)
            maker, first = name_of(call), argument(call, 0, "id")
            if maker not in {*MAKERS, *aside} or not isinstance(first, ast.Constant):
                continue
            severity = argument(call, 1, "severity") if maker == "Finding" else None
            error = severity is None or any(getattr(node, "value", None) == "error" for node in ast.walk(severity))
            # A code that is not among the arguments is the helper's, or chosen in the function around.
            said = codes(call) or codes_of(aside.get(maker, scope), aside) or {ExitCode.CONFIG.value}
            what = argument(call, 2 if maker in MAKERS else 1, "what")
            yield Found(str(first.value), pieces(what), frozenset(said) if error else frozenset())


TREES = [ast.parse(path.read_text()) for path in SOURCES]
FOUND = [found for tree in TREES for found in findings(tree)]


@functools.cache
def texts() -> frozenset[object]:
    """Every text that the source holds: some ids come out of a table."""
    return frozenset(node.value for tree in TREES for node in ast.walk(tree) if isinstance(node, ast.Constant))


def page(name: str) -> str:
    return (PAGES / f"{name}.md").read_text()


def test_findings_of_every_form_are_found() -> None:
    """Named by a constant, through a helper, refused, a warning, an info."""
    ids = {found.id for found in FOUND}
    assert {"database-not-named", "tls-half", "schema-newer", "reference-unset", "directory-replaced"} <= ids
    assert {found.codes for found in FOUND if found.id == "tls-half"} == {frozenset({65})}
    assert {found.codes for found in FOUND if found.id == "reference-unset"} == {frozenset()}


@pytest.mark.parametrize("id", sorted({found.id for found in FOUND}))
def test_each_finding_has_a_page_that_shows_what_it_prints(id: str) -> None:
    text = " ".join(page(id).split())
    for found in FOUND:
        if found.id == id and found.pieces:
            assert any(piece in text for piece in found.pieces), f"the page shows none of {found.pieces}"


@pytest.mark.parametrize("path", FINDING_PAGES, ids=lambda path: path.stem)
def test_each_page_is_of_a_finding_and_has_its_parts(path: Path) -> None:
    id, text = path.stem, path.read_text()
    assert id in texts(), "no source names this id"
    assert text.startswith(f"# {id}\n\n")
    assert re.search(rf"^ *slipway: (error|warning|info): [^\n]*(\n +[^\n]*)?\[{id}\]$", text, re.MULTILINE)
    assert [part for part in PARTS if not re.search(rf"^(\*\*|#+ ){part}\b", text, re.MULTILINE)] == []


@pytest.mark.parametrize("id", sorted({found.id for found in FOUND if found.codes}))
def test_each_error_is_linked_from_the_page_of_its_exit_code(id: str) -> None:
    for found in FOUND:
        if found.id == id and found.codes:
            assert any(f"]({id}.md)" in page(str(code)) for code in found.codes), sorted(found.codes)


@pytest.mark.parametrize("path", sorted(PAGES.glob("*.md")), ids=lambda path: path.stem)
def test_each_link_leads_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", path.read_text()):
        assert (PAGES / target).is_file(), target
