"""How far reloads are: written by the supervisor, read by whoever waits for the end of one."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from slipway.files import replace

_NAME: Final = "reload.json"
DONE: Final = "done"
GIVEN_UP: Final = "given_up"
REFUSED: Final = "refused"


@dataclass(frozen=True, slots=True)
class Progress:
    """How often a reload was asked for, up to which asking all is over, and how the last one ended.

    ``result`` is DONE, REFUSED, or GIVEN_UP, where a worker could not start with the new configuration.
    """

    asked: int = 0
    over: int = 0
    result: str = ""

    def write(self, directory: Path) -> None:
        """Show it to ``read``. Raises OSError when ``directory`` cannot be written to."""
        replace(directory / _NAME, json.dumps(asdict(self)))


def read(directory: Path) -> Progress:
    """Return how far the reloads of the gateway are whose workers' directory this is. Raises OSError."""
    try:
        return Progress(**json.loads((directory / _NAME).read_text()))
    except FileNotFoundError:
        return Progress()
