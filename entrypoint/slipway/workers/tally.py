"""What happened to workers, counted where it is seen and shown by the management port."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from typing import Final

_NAME: Final = "tally.json"


class Tally:
    """Counts of one run, kept in a file beside the workers' records: whoever counts need not be whoever shows."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / _NAME
        self.exits: Counter[str] = Counter()
        self.reloads: Counter[str] = Counter()

    def count_exit(self, reason: str) -> None:
        """Count a worker that served and ended."""
        self.exits[reason] += 1
        self._write()

    def count_reload(self, *, done: bool) -> None:
        """Count a reload that was finished, or given up by the workers themselves."""
        self.reloads["done" if done else "refused"] += 1
        self._write()

    def _write(self) -> None:
        hidden = self._path.with_name(f".{_NAME}.{os.getpid()}")
        try:
            hidden.write_text(json.dumps({"exits": self.exits, "reloads": self.reloads}))
            hidden.rename(self._path)
        except OSError:
            # A full file system costs the figures, not the workers.
            return


def read(directory: Path) -> tuple[Counter[str], Counter[str]]:
    """Return the exits of workers by reason and the reloads by result."""
    try:
        content = json.loads((directory / _NAME).read_text())
    except (OSError, ValueError):
        return Counter(), Counter()
    return Counter(content["exits"]), Counter(content["reloads"])
