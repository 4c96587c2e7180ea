"""Rows of `latest.json`: what one says, how two runs merge, whether a goal is met.

Every row is better when it is smaller, so `ratio` is theirs / ours: 2.0 means that Slipway needs half. `goal` is a
number; what it bounds stands in `detail["goal"]`: "ratio >= G" beside upstream, "ours <= G" in the row's unit
otherwise. MB are 10^6 bytes.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypedDict

Side = Literal["ours", "theirs"]
SIDES: Final[tuple[Side, Side]] = ("ours", "theirs")
KEYS: Final = ("row", "unit", "ours", "theirs", "ratio", "goal", "detail")


class Record(TypedDict):
    """One row; `theirs` and `ratio` are None where there is no other side."""

    row: str
    unit: str
    ours: float
    theirs: float | None
    ratio: float | None
    goal: float | None
    detail: dict[str, object]


@dataclass(frozen=True)
class Goal:
    """A bound: the least `ratio`, or the greatest `ours`."""

    bounds: Literal["ratio", "ours"]
    limit: float

    def __str__(self) -> str:
        return f"{self.bounds} {'>=' if self.bounds == 'ratio' else '<='} {self.limit:g}"


def at_most_of_theirs(part: float) -> Goal:
    """The goal "ours at most `part` of theirs", turned the way `ratio` is."""
    return Goal("ratio", round(1 / part, 2))


GOALS: Final[dict[str, Goal]] = {
    "ready_1": at_most_of_theirs(0.30),
    "ready_4_uvicorn": at_most_of_theirs(0.10),
    "ready_4_gunicorn": at_most_of_theirs(0.35),
    "pss_1": at_most_of_theirs(0.60),
    "pss_4_uvicorn": at_most_of_theirs(0.20),
    "pss_4_gunicorn": at_most_of_theirs(0.60),
    "pss_per_worker": Goal("ours", 60),
    "first_completion_db": at_most_of_theirs(0.40),
    "request_32": Goal("ratio", 1.3),
    "p99_32": at_most_of_theirs(0.35),
    "pss_growth": Goal("ours", 1.05),
    "scrape_p99": Goal("ours", 50),
    "scrape_effect": Goal("ours", 1.05),
    "image_full": Goal("ours", 230),
    "image_slim": Goal("ours", 150),
    "rebuild_entrypoint_layers": Goal("ours", 1),
    "checks": Goal("ours", 150),
    "launcher": Goal("ours", 150),
    "migrate_empty": Goal("ours", 5),
    "migrate_noop": Goal("ours", 1),
    "engine_reads": Goal("ratio", 0.35),
    "engine_reads_16": Goal("ratio", 0.20),
    "engine_pss": Goal("ours", 90),
    "engine_pss_used": Goal("ours", 130),
}


def make(row: str, unit: str, ours: float, theirs: float | None = None, **detail: object) -> Record:
    """A row with its ratio and its goal; figures are kept to four significant digits."""
    goal = GOALS.get(row)
    return Record(
        row=row,
        unit=unit,
        ours=rounded(ours),
        theirs=None if theirs is None else rounded(theirs),
        ratio=ratio(ours, theirs),
        goal=goal.limit if goal else None,
        detail=detail | ({"goal": str(goal)} if goal else {}),
    )


def of_samples(row: str, unit: str, samples: Mapping[Side, Sequence[float]], **detail: object) -> Record:
    """A row whose two sides are the medians of `samples["ours"]` and `samples["theirs"]`, which the detail keeps."""
    kept = {side: [rounded(value) for value in values] for side, values in samples.items()}
    ours, theirs = (statistics.median(samples[side]) for side in SIDES)
    return make(row, unit, ours, theirs, samples=kept, **detail)


def rounded(value: float) -> float:
    return float(f"{value:.4g}")


def ratio(ours: float, theirs: float | None) -> float | None:
    """Return theirs / ours; None without another side, or where ours is 0."""
    return rounded(theirs / ours) if theirs is not None and ours else None


def met(record: Record) -> bool | None:
    """Whether the row meets its goal; None where it has none."""
    goal = GOALS.get(record["row"])
    if goal is None:
        return None
    if goal.bounds == "ours":
        return record["ours"] <= goal.limit
    return record["ratio"] is not None and record["ratio"] >= goal.limit


def merge(old: Iterable[Record], new: Iterable[Record], order: Sequence[str]) -> list[Record]:
    """`old` with the rows of `new` replaced or added, in `order`; rows that `order` does not name come last."""
    rows = {record["row"]: record for record in (*old, *new)}
    known = [rows[row] for row in order if row in rows]
    return known + [rows[row] for row in sorted(rows.keys() - set(order))]


def load(path: Path) -> list[Record]:
    """The rows of an earlier run, none if there was no run; raises ValueError for a file that is not such a list."""
    if not path.exists():
        return []
    try:
        rows: list[Record] = json.loads(path.read_text())
        if any(set(row) != set(KEYS) for row in rows):
            raise ValueError("a row has other keys than " + ", ".join(KEYS))
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path} is not a list of rows ({error}): remove it and run `make bench` again") from error
    return rows


def save(path: Path, records: Sequence[Record]) -> None:
    """Write atomically, so that an interrupted run leaves the previous rows whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".json.tmp")
    unfinished.write_text(json.dumps(records, indent=2) + "\n")
    unfinished.replace(path)
