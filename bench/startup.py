"""How long the gateway takes until it is ready.

Seconds from the start of the container to the later of two moments: the first 200 of /health/readiness, and the last
worker's "Application startup complete" in the log. Median of the repetitions, sides alternating. Both sides get the
same arguments: `--num_workers 4` is uvicorn upstream and gunicorn here, as a user who changes images would see it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from bench import record
from bench.gateway import Session, Shape

TITLE: Final = "Seconds from container start to ready (less is better)"
SHAPES: Final = {
    "ready_1": Shape(1),
    "ready_4_uvicorn": Shape(4),
    "ready_4_gunicorn": Shape(4, "gunicorn"),
}
ROWS: Final = tuple(SHAPES)


def measure(session: Session, rows: Sequence[str]) -> Iterator[record.Record]:
    for row in rows:
        ready: dict[record.Side, list[float]] = {"ours": [], "theirs": []}
        first: dict[record.Side, list[float]] = {"ours": [], "theirs": []}
        for turn in session.turns():
            for side in turn:
                with session.gateway(side, SHAPES[row]) as started:
                    session.say(f"{row} {side}: {started.ready:.2f} s")
                    ready[side].append(started.ready)
                    first[side].append(record.rounded(started.first_answer))
        arguments = " ".join(SHAPES[row].arguments)
        yield record.of_samples(row, "s", ready, first_answer=first, arguments=arguments)
