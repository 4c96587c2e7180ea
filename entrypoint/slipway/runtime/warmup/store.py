"""What the image's build recorded about the import of the proxy: places of modules, compiled texts, re-exports."""

from __future__ import annotations

import _imp
import marshal
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

PATH: Final = Path("/opt/slipway/warm/store.marshal")
# Compiled code is good for one build of Python, found at one place.
STAMP: Final = (sys.version, sys.prefix, _imp.source_hash(0, b""))


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What a start and a first request load: modules in their order, classes as MODULE:NAME, routes as METHODS PATH."""

    modules: list[str] = field(default_factory=list)
    models: list[str] = field(default_factory=list)
    routes: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Store:
    """The record; empty when the image has none. ``records`` while one is being made, ``rehearsal`` see there.

    ``places`` maps a module's name to its source, its bytecode and whether it is a package; ``texts`` a mode and a text
    to marshalled code; ``patterns`` a regular expression and its flags to what the compiler made of it; ``exports`` a
    package to the names it only passes on, each with the module that has it, and to its constants.
    """

    places: dict[str, tuple[str, str, bool]] = field(default_factory=dict)
    texts: dict[tuple[str, str], bytes] = field(default_factory=dict)
    patterns: dict[tuple[str | bytes, int], Any] = field(default_factory=dict)
    exports: dict[str, tuple[dict[str, tuple[str, str]], dict[str, Any]]] = field(default_factory=dict)
    rehearsal: Rehearsal = field(default_factory=Rehearsal)
    records: bool = False

    def save(self, path: Path) -> None:
        """Write the record; the same content gives the same bytes."""
        parts = [
            dict(sorted(part.items(), key=repr)) for part in (self.places, self.texts, self.patterns, self.exports)
        ]
        path.parent.mkdir(parents=True, exist_ok=True)
        late = (self.rehearsal.modules, self.rehearsal.models, self.rehearsal.routes)
        path.write_bytes(marshal.dumps((STAMP, parts, late), 2))


def load(path: Path = PATH) -> Store:
    """Return the image's record, or an empty one when there is none for this Python."""
    try:
        stamp, (places, texts, patterns, exports), late = marshal.loads(path.read_bytes())
    except (OSError, EOFError, ValueError, TypeError):
        return Store()
    return Store(places, texts, patterns, exports, Rehearsal(*late)) if stamp == STAMP else Store()
