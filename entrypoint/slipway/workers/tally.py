"""What happened to workers, counted where it is seen and shown by the management port."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from slipway.files import replace

_NAME: Final = "tally.json"


@dataclass(slots=True)
class Counts:
    """Workers that started and ended by reason, starts that failed, reloads by result.

    ``configuration`` is the number of the configuration in force, 1 at first; ``outdated`` workers have another.
    """

    starts: dict[str, int] = field(default_factory=dict)
    exits: dict[str, int] = field(default_factory=dict)
    reloads: dict[str, int] = field(default_factory=dict)
    failed_starts: int = 0
    configuration: int = 1
    outdated: int = 0


class Tally:
    """Counts of one run, kept in a file beside the workers' records: whoever counts need not be whoever shows."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / _NAME
        self._counts = Counts()
        self._written = False

    def count_start(self, reason: str) -> None:
        """Count a worker that was started."""
        _add(self._counts.starts, reason)
        self._write()

    def count_failed_start(self) -> None:
        """Count a worker that ended before it served, or could not even be started."""
        self._counts.failed_starts += 1
        self._write()

    def count_exit(self, reason: str) -> None:
        """Count a worker that served and ended."""
        _add(self._counts.exits, reason)
        self._write()

    def count_reload(self, *, done: bool) -> None:
        """Count a reload that was finished, or given up by the workers themselves."""
        _add(self._counts.reloads, "done" if done else "given_up")
        self._write()

    def configured(self, number: int, outdated: int) -> None:
        """Note the number of the configuration in force, and how many workers have another."""
        if not self._written or (number, outdated) != (self._counts.configuration, self._counts.outdated):
            self._counts.configuration, self._counts.outdated = number, outdated
            self._write()

    def _write(self) -> None:
        try:
            replace(self._path, json.dumps(asdict(self._counts)))
            self._written = True
        except OSError:
            # A full file system costs the figures, not the workers; `configured` tries again.
            self._written = False


def _add(counts: dict[str, int], key: str) -> None:
    counts[key] = counts.get(key, 0) + 1


def read(directory: Path) -> Counts:
    """Return what was counted, nothing where nobody has yet. Raises OSError: zeros would be counters that fall."""
    try:
        return Counts(**json.loads((directory / _NAME).read_text()))
    except FileNotFoundError:
        return Counts()
