"""One part of an image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Component:
    """``kind`` and the other fields are a package URL's; ``licences`` are as the package states them."""

    kind: str
    name: str
    version: str
    licences: tuple[str, ...]
    namespace: str = ""
    qualifiers: Mapping[str, str] = field(default_factory=dict)
    files: frozenset[str] = frozenset()
    supplier: str = ""

    @property
    def id(self) -> str:
        """``kind/name``, which is one component's alone."""
        return f"{self.kind}/{self.namespace}{'/' if self.namespace else ''}{self.name}"
