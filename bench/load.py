"""How the gateway answers under load: mocked completions by wrk, 32 connections, two gunicorn workers on both sides.

`p99_32` is the 99th percentile of the answer's time in the first FIRST_SECONDS of load on a gateway that has just
become ready, as after each roll-out; `request_32` milliseconds of wall time a request (1000 / rate) in the SECONDS
after those, with the percentile of that time in the detail. Sides take turns; never do both run. `pss_growth` is ours
alone: proportional memory of all processes after 110,000 requests, as a part of what it was after the first 10,000. The
requests come from the host through a port of 127.0.0.1.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench import memory, record
from bench.containers import PORT
from bench.gateway import Session, Shape
from tests.support.lab import Box

TITLE: Final = "Under load at 32 connections, two gunicorn workers (less is better)"
SHAPE: Final = Shape(2, "gunicorn")
CONNECTIONS: Final = 32
FIRST_SECONDS: Final = 10
SECONDS: Final = 20
LATENCY: Final = {"request_32": SECONDS, "p99_32": FIRST_SECONDS}
ROWS: Final = (*LATENCY, "pss_growth")
FIRST, MORE = 10_000, 100_000
LIMIT_SECONDS: Final = 3600

# One line of figures at the end; the rest of wrk's report is for people.
SCRIPT: Final = """
wrk.method = "POST"
wrk.headers["Authorization"] = "Bearer {key}"
wrk.headers["Content-Type"] = "application/json"
wrk.body = '{{"model": "mock", "messages": [{{"role": "user", "content": "hello"}}]}}'
function done(summary, latency)
    local failed = summary.errors.status + summary.errors.timeout + summary.errors.read + summary.errors.connect
    print(string.format("figures %d %d %d %d", summary.requests, summary.duration, latency:percentile(99), failed))
end
"""


@dataclass(frozen=True)
class Figures:
    """What wrk saw. Seconds and milliseconds."""

    requests: int
    seconds: float
    p99: float


def measure(session: Session, rows: Sequence[str]) -> Iterator[record.Record]:
    if shutil.which("wrk") is None:
        raise RuntimeError("wrk is not installed: apt-get install wrk")
    if set(LATENCY).intersection(rows):
        yield from (made for made in _latency(session) if made["row"] in rows)
    if "pss_growth" in rows:
        yield _growth(session)


def _latency(session: Session) -> Iterator[record.Record]:
    samples: dict[str, dict[record.Side, list[float]]] = {row: {"ours": [], "theirs": []} for row in LATENCY}
    warm: dict[record.Side, list[float]] = {"ours": [], "theirs": []}
    for turn in session.turns():
        for side in turn:
            with session.gateway(side, SHAPE) as started:
                first, later = ask(started.box, FIRST_SECONDS), ask(started.box, SECONDS)
            rate = later.requests / later.seconds
            session.say(f"load {side}: p99 {first.p99:.0f} ms, then {later.p99:.0f} ms at {rate:.0f} requests/s")
            samples["request_32"][side].append(1000 / rate)
            samples["p99_32"][side].append(first.p99)
            warm[side].append(record.rounded(later.p99))
    for row, seconds in LATENCY.items():
        yield record.of_samples(row, "ms", samples[row], connections=CONNECTIONS, seconds=seconds, p99_later=warm)


def _growth(session: Session) -> record.Record:
    with session.gateway("ours", SHAPE) as started:
        sizes = []
        for requests in (FIRST, MORE):
            asked = 0
            while asked < requests:
                asked += ask(started.box, SECONDS).requests
            sizes.append(sum(size for _, size in memory.pss(started.box)))
            session.say(f"pss_growth: {sizes[-1]:.0f} MB")
    return record.make("pss_growth", "of before", sizes[1] / sizes[0], before=sizes[0], after=sizes[1])


def key(box: Box) -> str:
    """The master key of the gateway in `box`."""
    environment = box.attrs["Config"]["Env"]  # type: ignore[index]
    return str(next(entry.partition("=")[2] for entry in environment if entry.startswith("LITELLM_MASTER_KEY=")))


def ask(box: Box, seconds: int) -> Figures:
    """Load the gateway. Raises RuntimeError when a request fails."""
    with tempfile.TemporaryDirectory() as directory:
        script = Path(directory) / "ask.lua"
        script.write_text(SCRIPT.format(key=key(box)))
        command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "30s", "-s", str(script)]
        url = f"http://127.0.0.1:{box.port(PORT)}/chat/completions"
        done = subprocess.run([*command, url], capture_output=True, text=True, check=True, timeout=LIMIT_SECONDS)
    found = re.search(r"figures (\d+) (\d+) (\d+) (\d+)", done.stdout)
    if found is None or int(found[4]):
        raise RuntimeError(f"requests failed under load; wrk says:\n{done.stdout}")
    return Figures(int(found[1]), int(found[2]) / 1e6, int(found[3]) / 1e3)
