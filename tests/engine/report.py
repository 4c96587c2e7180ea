"""JUnit's XML, as pytest writes it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from xml.etree import ElementTree


@dataclass(frozen=True)
class Case:
    """One test; `failure` is its whole text, or None when it passed."""

    name: str
    failure: str | None


def read(text: str) -> dict[str, list[Case]]:
    """The tests of a report by the name of their file."""
    cases = defaultdict(list)
    for case in ElementTree.fromstring(text).iter("testcase"):
        troubles = [trouble for kind in ("failure", "error", "skipped") for trouble in case.findall(kind)]
        failure = "\n".join(f"{trouble.get('message')}\n{trouble.text}" for trouble in troubles)
        failure += "".join(f"\n{captured.text}" for captured in case.findall("system-err"))
        file = case.get("classname", "").rpartition(".")[2]
        cases[file].append(Case(case.get("name", ""), failure if troubles else None))
    return dict(cases)
