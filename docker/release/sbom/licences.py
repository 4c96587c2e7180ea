"""The licences of an image's parts as a table to read, and who let each one in."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sbom.component import Component
from sbom.subject import Subject

_OPERATORS = re.compile(r"\s+(?:AND|OR|WITH)\s+|[()]")
_SYSTEMS = {"deb": "Debian", "pypi": "Python", "npm": "npm", "generic": "Slipway"}


@dataclass(frozen=True)
class Gate:
    """requirements/licences.toml: licences in lower case, and packages with the reason for each."""

    allowed: frozenset[str]
    exceptions: Mapping[str, str]

    def verdict(self, component: Component) -> str:
        """Return why a component may be shipped; nothing when the gate does not know it."""
        if component.kind == "deb":
            return "Debian main"
        if component.kind == "generic":
            return "LICENSE"
        if component.name in self.exceptions:
            return self.exceptions[component.name]
        stated = [licence for licence in component.licences if licence]
        return "allowed" if stated and all(map(self._allows, stated)) else ""

    def _allows(self, licence: str) -> bool:
        words = {word.strip().lower() for word in _OPERATORS.split(licence)} - {""}
        # A classifier's name may have an abbreviation in brackets; an expression has operators.
        return licence.lower() in self.allowed or words <= self.allowed


def write(subject: Subject, components: Sequence[Component], gate: Gate) -> str:
    """Return the report in Markdown: how many parts each system has, then every part."""
    counts = Counter(component.kind for component in components)
    summary = ", ".join(f"{counts[kind]} of {system}" for kind, system in _SYSTEMS.items() if counts[kind])
    return "\n".join([
        f"# Licences in {subject.name} {subject.version}", "",
        f"Image `{subject.identity}`: {len(components)} parts, {summary}.",
        "Python's and npm's are let in by `requirements/licences.toml`; Debian's are all of its section main.", "",
        "| Part | Version | Of | Licences, as it states them | Let in by |", "|---|---|---|---|---|",
        *_rows(components, gate), "",
    ])  # fmt: skip


def _rows(components: Sequence[Component], gate: Gate) -> Iterator[str]:
    for part in components:
        name = f"{part.namespace}/{part.name}" if part.kind == "npm" and part.namespace else part.name
        stated = ", ".join(part.licences).replace("|", "\\|")
        verdict = gate.verdict(part) or "**nothing**"
        yield f"| {name} | {part.version} | {_SYSTEMS[part.kind]} | {stated} | {verdict} |"
