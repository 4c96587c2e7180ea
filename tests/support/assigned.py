"""What a launcher would hand to the supervisor."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from slipway.runtime.assignment import Assignment


def assignment(directory: Path, **changes: Any) -> Assignment:
    """One uvicorn worker, whose records are in `directory`."""
    plain = Assignment(
        server="uvicorn",
        argv=(),
        host="127.0.0.1",
        port=1,
        management_host="127.0.0.1",
        management_port=2,
        workers=1,
        workers_directory=str(directory),
        settle_seconds=5,
        drain_seconds=630,
        silence_seconds=30,
        needs_database=False,
        only_worker=False,
        json_logs=False,
    )
    return replace(plain, **changes)
