"""What Slipway itself costs at start.

Milliseconds from the start of the process in the container, by the kernel's clock (in steps of 10 ms): to the end of
the checks (`checks`: the shell, Python, secrets, settings, configuration and what `slipway check --offline` looks at,
except the comparison of every file), and until the supervisor is executed (`launcher`: directories and the
configuration in force, too). Not in it: waiting for anything, a database, and the server. Four workers, median of RUNS
starts after one that warms the disk cache. The gateway tells it of itself, as slipway_startup_seconds.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator, Sequence
from typing import Final

from bench import record
from bench.gateway import Session, Shape

TITLE: Final = "Milliseconds that the launcher takes of a start (less is better)"
ROWS: Final = ("checks", "launcher")
RUNS: Final = 9
PHASES: Final[dict[str, tuple[str, ...]]] = {"checks": ("check",), "launcher": ("check", "prepare", "database")}

# Runs inside the container, which needs no token.
SCRAPE: Final = """
import json, re, urllib.request
text = urllib.request.urlopen("http://127.0.0.1:4001/metrics").read().decode()
print(json.dumps(dict(re.findall(r'slipway_startup_seconds{phase="(\\w+)"} (\\S+)', text))))
"""


def measure(session: Session, rows: Sequence[str]) -> Iterator[record.Record]:
    starts = [_phases(session) for _ in range(RUNS + 1)][1:]
    for row in rows:
        taken = [1000 * sum(float(start[phase]) for phase in PHASES[row]) for start in starts]
        session.say(f"{row}: {statistics.median(taken):.0f} ms")
        yield record.make(row, "ms", statistics.median(taken), samples=[record.rounded(value) for value in taken])


def _phases(session: Session) -> dict[str, str]:
    with session.gateway("ours", Shape(4)) as started:
        found: dict[str, str] = json.loads(started.box.exec(["python", "-c", SCRAPE]).output)
        return found
