"""Workers' records, written without a worker."""

from __future__ import annotations

import struct
from pathlib import Path

from slipway.workers.record import Field


def announce(directory: Path, pid: int, *, beat: float, **numbers: int) -> None:
    """Write the record of `pid`, with `beat` in seconds and fields by their names in lower case."""
    given = {Field[name.upper()]: number for name, number in numbers.items()} | {Field.BEAT: int(beat * 1e9)}
    (directory / str(pid)).write_bytes(struct.pack(f"={len(Field)}Q", *(given.get(field, 0) for field in Field)))
