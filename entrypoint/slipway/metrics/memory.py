"""How much memory each worker takes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from slipway.metrics.families import Family, labelled
from slipway.processes import resident

_KILOBYTE: Final = 1024


class Memory:
    """Sizes of workers, pids by names; a process that has ended is left out.

    What is resident is read each time. What is proportional takes the kernel 14 ms a worker, so ``look`` reads it of
    one at a time, after an answer, for the next ones.
    """

    def __init__(self) -> None:
        # In the order in which they were read; None for one that could not be.
        self._proportional: dict[int, int | None] = {}

    def families(self, workers: Mapping[str, int]) -> list[Family]:
        """Return both sizes of ``workers``."""
        sizes = {name: size for name, pid in workers.items() if (size := resident(pid)) is not None}
        proportional = {name: size for name in sizes if (size := self._proportional.get(workers[name])) is not None}
        return [
            labelled(
                "slipway_worker_resident_bytes",
                "gauge",
                "Memory of a worker, what it shares with others included.",
                "worker",
                sizes,
            ),
            labelled(
                "slipway_worker_proportional_bytes",
                "gauge",
                "Memory of a worker, and its part of what it shares, some scrapes ago.",
                "worker",
                proportional,
            ),
        ]

    def look(self, workers: Mapping[str, int]) -> None:
        """Read the proportional size of the worker whose size is the oldest."""
        alive = set(workers.values())
        self._proportional = {pid: size for pid, size in self._proportional.items() if pid in alive}
        oldest = next(iter([*(alive - self._proportional.keys()), *self._proportional]), None)
        if oldest is not None:
            self._proportional.pop(oldest, None)
            self._proportional[oldest] = _proportional(oldest)


def _proportional(pid: int) -> int | None:
    """Source: proc_pid_smaps(5), smaps_rollup."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * _KILOBYTE for line in lines if line.startswith("Pss:")), None)
