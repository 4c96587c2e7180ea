"""LiteLLM's config as it is written: nodes with the file, line and column that each stands at, includes followed.

``config_file`` says what a config means; this is for messages that point at a place.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import yaml
from yaml import MappingNode, Node, SequenceNode

from slipway import config_file
from slipway.known import presentable
from slipway.report import Finding, Refusal

_DEEPEST: Final = 60
_MOST_PLACES: Final = 8
_MERGE: Final = "tag:yaml.org,2002:merge"
_STRING: Final = "tag:yaml.org,2002:str"
_ANONYMOUS: Final = "?"
_INCLUDED: Final = "include"
# LiteLLM reads an included file that holds nothing, and one of any name.
_NO_HINDRANCE: Final = ("config-empty", "config-extension")


@dataclass(frozen=True, slots=True)
class Entry:
    """One key and its value, or one item of a list (``key`` is None then).

    ``section`` is the place of the mapping or list that holds it, such as ``model_list[].litellm_params``; ``place`` is
    that of the entry itself. ``shown`` is the way to it, such as ``model_list[0].litellm_params.model``, with ``?`` for
    a name that may be a secret. ``at`` is file, line and column.
    """

    section: str
    key: str | None
    place: str
    shown: str
    at: str
    value: Node

    @property
    def text(self) -> str | None:
        """The text of a value that is a string; None for any other."""
        return str(self.value.value) if self.value.tag == _STRING else None


@dataclass(frozen=True, slots=True)
class Document:
    """One file of the config: its path, as it was named, its nodes, and each entry once for each place that it has."""

    path: str
    root: MappingNode
    entries: tuple[Entry, ...]


def read(path: str, named: frozenset[str] = frozenset()) -> tuple[list[Document], list[Finding]]:
    """Return the config at ``path`` and what it includes, in the order in which LiteLLM merges them.

    ``named`` are places of mappings whose keys are names of the user's; they are written ``*`` in a place. What cannot
    be read is left out, and a finding where LiteLLM would not start with it.
    """
    documents: dict[str, Document] = {}
    findings: list[Finding] = []
    pending: list[tuple[str, str]] = [(path, "")]
    while pending:
        file, named_at = pending.pop(0)
        if file in documents:
            continue
        root, problem = _compose(file, parsed=not named_at)
        if root is None or problem is not None:
            findings += [_not_included(file, named_at, problem)] if named_at and problem else []
            continue
        documents[file] = Document(file, root, tuple(_entries(file, root, named)))
        for entry in documents[file].entries:
            if entry.section or entry.key != "include":
                continue
            if not _is_sequence(entry.value):
                findings.append(_wrong_include(entry))
                continue
            for item in entry.value.value:
                if item.tag != _STRING:
                    findings.append(_wrong_include(entry))
                    break
                pending.append((config_file.place_of(str(item.value), file, path), position(file, item)))
    return list(documents.values()), findings


def twice(document: Document) -> Iterator[tuple[str, str, str]]:
    """Yield (key, where it stands first, where again) for each key that a mapping has twice."""
    seen: set[int] = set()
    pending: list[Node] = [document.root]
    while pending:
        node = pending.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if _is_sequence(node):
            pending += node.value
        if not _is_mapping(node):
            continue
        first: dict[str, Node] = {}
        for key, value in node.value:
            pending.append(value)
            if key.tag == _MERGE or not isinstance(key.value, str):
                continue
            if key.value in first:
                yield key.value, position(document.path, first[key.value]), position(document.path, key)
            first.setdefault(key.value, key)


def nodes_below(*roots: Node) -> set[int]:
    """Return the identities of nodes and of all that they hold: a node with an alias has one identity in all places."""
    seen: set[int] = set()
    pending = list(roots)
    while pending:
        node = pending.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if _is_sequence(node):
            pending += node.value
        elif _is_mapping(node):
            pending += [value for _, value in node.value]
    return seen


def inside(entry: Entry) -> list[Entry]:
    """Return the entries of a mapping or list that an entry holds."""
    return list(_inside(entry.at.rsplit(":", 2)[0], entry.value, entry.place, entry.shown))


def position(path: str, node: Node) -> str:
    """Return file, line and column of a node."""
    return f"{path}:{node.start_mark.line + 1}:{node.start_mark.column + 1}"


def kind(node: Node) -> str:
    """Return the letter of what a node is (known.Known): empty for null, ``s`` for a date too."""
    if _is_sequence(node):
        return "a"
    if _is_mapping(node):
        return "o"
    name = node.tag.rpartition(":")[2]
    return {"bool": "b", "int": "i", "float": "n", "null": ""}.get(name, "s")


def is_date(node: Node) -> bool:
    """Tell whether YAML takes the text for a date or a time."""
    return node.tag == "tag:yaml.org,2002:timestamp"


def _entries(path: str, root: Node, named: frozenset[str]) -> Iterator[Entry]:
    """Yield every entry once for each place that it has; what ``<<`` merges stands where it is merged."""
    # An alias may repeat a node any number of times, itself included: it is read for some of its places.
    places: dict[int, set[str]] = {}
    pending: list[tuple[Node, str, str, int]] = [(root, "", "", 0)]
    while pending:
        node, section, shown, depth = pending.pop()
        known = places.setdefault(id(node), set())
        if depth > _DEEPEST or section in known or len(known) == _MOST_PLACES:
            continue
        known.add(section)
        found = list(_inside(path, node, section, shown))
        if section in named:
            found = [replace(entry, place=f"{section}.*") for entry in found]
        yield from found
        pending += [(entry.value, entry.place, entry.shown, depth + 1) for entry in reversed(found)]


def _inside(path: str, node: Node, section: str, shown: str) -> Iterator[Entry]:
    if _is_sequence(node):
        for index, item in enumerate(node.value):
            yield Entry(section, None, f"{section}[]", f"{shown}[{index}]", position(path, item), item)
    elif _is_mapping(node):
        yield from _pairs(path, node, section, shown)


def _pairs(path: str, node: Node, section: str, shown: str) -> Iterator[Entry]:
    """Yield the entries of a mapping and of each that it merges, once."""
    seen = {id(node)}
    pending = [node]
    while pending:
        for key, value in pending.pop(0).value:
            if key.tag == _MERGE:
                for merged in value.value if _is_sequence(value) else [value]:
                    if id(merged) not in seen and _is_mapping(merged):
                        seen.add(id(merged))
                        pending.append(merged)
            elif isinstance(key.value, str):
                name = key.value if presentable(key.value) else _ANONYMOUS
                place = f"{section}.{key.value}" if section else key.value
                way = f"{shown}.{name}" if shown else name
                yield Entry(section, key.value, place, way, position(path, key), value)


def _compose(path: str, *, parsed: bool) -> tuple[MappingNode | None, Finding | None]:
    """Return the nodes of a file, or what is wrong with it; neither for a file that holds nothing.

    ``parsed``: it has been read before, and was found to be a config.
    """
    try:
        if not parsed:
            config_file.read(path, _INCLUDED)
        text = Path(path).read_text(encoding="utf-8")
        root = yaml.compose(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except Refusal as refusal:
        finding = refusal.findings[0]
        return None, None if finding.id in _NO_HINDRANCE else finding
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError):
        # It has changed since it was read.
        return None, None
    return (root, None) if isinstance(root, MappingNode) else (None, None)


def _is_mapping(node: Node) -> bool:
    return isinstance(node, MappingNode)


def _is_sequence(node: Node) -> bool:
    return isinstance(node, SequenceNode)


def _not_included(file: str, named_at: str, problem: Finding) -> Finding:
    said = problem.what.replace(f"The config file named by {_INCLUDED}", "it")
    return Finding(
        "config-include",
        "error",
        f"{named_at}: include names {file}, and {said}",
        "Correct that file, or take it out of include.",
        why="LiteLLM does not start without a file that its config includes.",
    )


def _wrong_include(entry: Entry) -> Finding:
    return Finding(
        "config-include",
        "error",
        f"{entry.at}: include is not a list of file names.",
        "Write include: [other.yaml], with names relative to this file.",
        why="LiteLLM does not start with such a config.",
    )
