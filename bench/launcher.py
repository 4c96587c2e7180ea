"""What Slipway itself costs at start.

Milliseconds of one `slipway explain` through the image's entrypoint script, inside a running container, from the start
of the process to its end: the shell, Python, reading settings and configuration, and the plan with its exact command
line, which is what happens before the server is started. Not in it: waiting for anything, and the server. Median of
RUNS after one run that warms the disk cache.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator, Sequence
from typing import Final

from bench import record
from bench.containers import running
from bench.gateway import Session, Shape

TITLE: Final = "Milliseconds from process start to a finished plan (less is better)"
ROWS: Final = ("launcher",)
RUNS: Final = 15
COMMAND: Final = ("/opt/slipway/entrypoint.sh", "explain", *Shape(4).arguments)

# Runs inside the container, so that the engine's `exec` is not part of the figure.
TIMER: Final = """
import json, subprocess, sys, time
taken = []
for _ in range(int(sys.argv[1]) + 1):
    began = time.perf_counter()
    subprocess.run(sys.argv[2:], check=True, stdout=subprocess.DEVNULL)
    taken.append((time.perf_counter() - began) * 1000)
print(json.dumps(taken[1:]))
"""


def measure(session: Session, rows: Sequence[str]) -> Iterator[record.Record]:
    with running(session.client, session.image, ("python", "-c", TIMER, str(RUNS), *COMMAND)) as box:
        done = box.finished()
    if done.code:
        raise RuntimeError(f"`slipway explain` cannot be timed:\n{done.output}")
    taken = json.loads(done.stdout.splitlines()[-1])
    session.say(f"launcher: {statistics.median(taken):.0f} ms")
    for row in rows:
        yield record.make(row, "ms", statistics.median(taken), samples=[record.rounded(value) for value in taken])
