"""The runner: measures rows, merges them into `bench/results/latest.json`, draws a picture a question, prints a table.

`python -m bench [ROW ...]`; without a row, all of them. Rows that a run does not measure keep their earlier figures.
What a question measures stands at the top of its file; what `ratio` and `goal` mean, in `record.py`.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Final

import docker
from docker.errors import DockerException, ImageNotFound

from bench import (
    engine,
    first_completion,
    image,
    launcher,
    load,
    memory,
    migrations,
    picture,
    rebuild,
    record,
    scrape,
    startup,
)
from bench.gateway import Session

RESULTS: Final = Path(__file__).parent / "results"
QUESTIONS: Final[dict[str, ModuleType]] = {
    "startup": startup,
    "first_completion": first_completion,
    "memory": memory,
    "load": load,
    "scrape": scrape,
    "image": image,
    "rebuild": rebuild,
    "launcher": launcher,
    "engine": engine,
    "migrations": migrations,
}
ORDER: Final[tuple[str, ...]] = tuple(row for question in QUESTIONS.values() for row in question.ROWS)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the rows that `arguments` name. Returns 0, or 1 when a measurement failed; exits with 2 for wrong usage."""
    asked = _parse(arguments)
    # A plain termination would skip the removal of containers; this way they go as after Ctrl-C.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        rows = _run(asked.rows or ORDER, asked.image, asked.repetitions)
    except KeyboardInterrupt:
        return 130
    except ImageNotFound as error:
        return _failed(f"{error.explanation}; build it with `make image`")
    except (DockerException, OSError, RuntimeError, ValueError, AssertionError) as error:
        return _failed(str(error))
    print(table(rows))
    return 0


def _run(rows: Sequence[str], image_name: str, repetitions: int) -> list[record.Record]:
    path = RESULTS / "latest.json"
    known = record.load(path)
    client = docker.from_env(timeout=600)
    session = Session(client, image_name, repetitions, _say)
    about = {"image": str(client.images.get(image_name).id), "cpus": os.cpu_count()}
    for name, question in QUESTIONS.items():
        wanted = [row for row in question.ROWS if row in rows]
        if not wanted:
            continue
        for measured in question.measure(session, wanted):
            measured["detail"] |= about | {"measured": datetime.now(UTC).isoformat(timespec="seconds")}
            # Saved row by row: an interrupted run keeps what it has measured.
            known = record.merge(known, [measured], ORDER)
            record.save(path, known)
        picture.save(RESULTS / f"{name}.png", question.TITLE, [row for row in known if row["row"] in question.ROWS])
    return known


def table(rows: Sequence[record.Record]) -> str:
    """The rows as text, one a line."""
    words = {True: "met", False: "missed", None: ""}
    lines = [("row", "ours", "theirs", "unit", "ratio", "goal", "")]
    for row in rows:
        goal = record.GOALS.get(row["row"])
        numbers = ["-" if value is None else f"{value:g}" for value in (row["ours"], row["theirs"], row["ratio"])]
        ours, theirs, ratio = numbers
        lines.append((row["row"], ours, theirs, row["unit"], ratio, str(goal or "-"), words[record.met(row)]))
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    aligned = ("<", ">", ">", "<", ">", "<", "<")
    return "\n".join(
        "  ".join(f"{cell:{side}{width}}" for cell, side, width in zip(line, aligned, widths, strict=True)).rstrip()
        for line in lines
    )


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure rows of the benchmark.")
    parser.add_argument("rows", nargs="*", metavar="ROW", help="one of " + ", ".join(ORDER) + "; default: all")
    parser.add_argument("--image", default="slipway:dev", help="the full image; the slim one has -slim appended")
    parser.add_argument("--repetitions", type=int, default=3, help="starts of each side; default: 3")
    asked = parser.parse_args(arguments)
    unknown = [row for row in asked.rows if row not in ORDER]
    if unknown:
        parser.error(f"no such row: {', '.join(unknown)}; there are {', '.join(ORDER)}")
    if asked.repetitions < 1:
        parser.error("--repetitions must be 1 or more")
    return asked


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _failed(why: str) -> int:
    _say(f"bench: {why}")
    return 1
