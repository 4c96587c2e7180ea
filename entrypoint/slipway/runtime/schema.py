"""How far the database's schema is, which whoever prepares it beside the gateway writes down for the metrics."""

from __future__ import annotations

import contextlib
from enum import StrEnum
from pathlib import Path
from typing import Final

from slipway.files import replace

_NAME: Final = "schema"


class Schema(StrEnum):
    """INDEXES are still to be built; PENDING is everything; NONE says that there is no database.

    BEHIND lacks migrations that this gateway was told to leave alone.
    """

    NONE = "none"
    READY = "ready"
    INDEXES = "indexes"
    PENDING = "pending"
    BEHIND = "behind"


def note(directory: Path, state: Schema) -> None:
    """Write it down; a full file system costs the metric, not the database."""
    with contextlib.suppress(OSError):
        replace(directory / _NAME, state)


def noted(directory: Path, first: Schema) -> Schema:
    """Return what was written last, or how it was at ``first``."""
    try:
        return Schema((directory / _NAME).read_text())
    except (OSError, ValueError):
        return first
