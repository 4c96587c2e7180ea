"""How much memory the gateway takes.

PSS (each shared page counted once, split among those who share it) of all processes of the container, init and
supervisor included, in MB, read IDLE_SECONDS after it was ready and before any other request. `pss_per_worker` is
what one further gunicorn worker adds: half of the difference between four workers and two.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from statistics import median
from typing import Final

from bench import record
from bench.gateway import Session, Shape
from tests.support.lab import Box

TITLE: Final = "Memory of all processes, PSS in MB, idle (less is better)"
IDLE_SECONDS: Final = 12
FEW, MANY = Shape(2, "gunicorn"), Shape(4, "gunicorn")
SHAPES: Final[dict[str, tuple[Shape, ...]]] = {
    "pss_1": (Shape(1),),
    "pss_4_uvicorn": (Shape(4),),
    "pss_4_gunicorn": (MANY,),
    "pss_per_worker": (MANY, FEW),
}
ROWS: Final = tuple(SHAPES)
Samples = dict[record.Side, list[float]]

# Builtins of the shell only: another process, or Python itself, would share pages and so change what it counts.
READER: Final = """
for process in /proc/[0-9]*; do
    [ "$process" = "/proc/$$" ] && continue
    size=unreadable name=
    while read -r key value _; do
        [ "$key" = Pss: ] && size=$value
    done 2>/dev/null < "$process/smaps_rollup"
    read -r name 2>/dev/null < "$process/comm" && echo "$size $name"
done
exit 0
"""


def measure(session: Session, rows: Sequence[str]) -> Iterator[record.Record]:
    taken: dict[Shape, Samples] = {}
    for row in rows:
        for shape in SHAPES[row]:
            if shape not in taken:
                taken[shape] = _sample(session, row, shape)
        yield _row(row, [taken[shape] for shape in SHAPES[row]])


def _row(row: str, samples: Sequence[Samples]) -> record.Record:
    if row != "pss_per_worker":
        return record.of_samples(row, "MB", samples[0], idle_seconds=IDLE_SECONDS)
    many, few = samples
    added = MANY.workers - FEW.workers
    ours, theirs = ((median(many[side]) - median(few[side])) / added for side in record.SIDES)
    return record.make(row, "MB", ours, theirs, idle_seconds=IDLE_SECONDS, four_workers=many, two_workers=few)


def _sample(session: Session, row: str, shape: Shape) -> Samples:
    samples: Samples = {"ours": [], "theirs": []}
    for turn in session.turns():
        for side in turn:
            with session.gateway(side, shape) as started:
                # The idle time is part of the definition, not a wait for something.
                time.sleep(IDLE_SECONDS)
                processes = pss(started.box)
            total = sum(size for _, size in processes)
            session.say(f"{row} {side}, {shape.workers} workers: {total:.0f} MB in {len(processes)} processes")
            samples[side].append(record.rounded(total))
    return samples


def pss(box: Box) -> list[tuple[str, float]]:
    """Name and PSS in MB of each process of the container; raises RuntimeError if one cannot be read."""
    # As the container's own user, who may read its processes; nothing else could without a capability it lacks.
    done = box.exec(["sh", "-c", READER])
    lines = [line.split(maxsplit=1) for line in done.output.splitlines()]
    if done.code or not lines or not all(size.isdigit() for size, _ in lines):
        raise RuntimeError(f"cannot read the memory of all processes of {box.name}: {done.output}")
    return [(name, int(kib) * 1024 / 1e6) for kib, name in lines]
