"""Half of what a gateway can do, for a long time: it does not grow, nothing fails, nothing is left behind."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from statistics import median

from tests.scenarios.site import Site, clients
from tests.support.clients import Clients, stream_of
from tests.support.gateway import Gateway
from tests.support.lab import Box, wait_until
from tests.support.soak import form

WORKERS = 2
# Caches and heaps fill with requests, so they come as fast as they can, in the time that a slow machine may take.
WARM_REQUESTS = form(4000, 6000)
WARM_SECONDS = 600
LOAD_SECONDS = form(180, 1800)
# Looks at the memory during the load. The first and the last of them are compared as medians: garbage comes and goes.
LOOKS = 30
ENDS = 5
# Three in a hundred from begin to end: five sixths of it between the middles of the first and of the last looks. In
# three minutes heaps still fill: a machine of CI saw 3.2, of the half hour 0.5 remained. 6 is 8 kB for each request.
GROWTH = form(1.06, 1.025)
# Idle connections to the provider are closed after 15 s, to the database after 60.
IDLE_SECONDS = 90
# All processes but the one that reads. Their own memory only: that of files is shared with other containers.
_READER = """
import json, os
memory = descriptors = processes = 0
for name in os.listdir("/proc"):
    if name.isdigit() and int(name) != os.getpid():
        try:
            rollup = open(f"/proc/{name}/smaps_rollup").read()
            descriptors += len(os.listdir(f"/proc/{name}/fd"))
        except OSError:
            continue
        processes += 1
        memory += int(rollup.partition("\\nPss_Anon:")[2].split()[0])
files = sum(len(names) for top in ("/run/slipway", "/tmp") for _, _, names in os.walk(top))
print(json.dumps([memory, descriptors, processes, files]))
"""


@dataclass(frozen=True)
class Footprint:
    """`memory` in kB."""

    memory: int
    descriptors: int
    processes: int
    files: int


def footprint(box: Box) -> Footprint:
    return Footprint(*json.loads(box.python(_READER)))


def no_more(now: Footprint, before: Footprint) -> bool:
    return now.descriptors <= before.descriptors and now.processes <= before.processes and now.files <= before.files


def warm_up(running: Gateway) -> Clients:
    with clients(running.url, count=8, streaming=2, stream_model=stream_of(1, 10), pause_seconds=0) as load:
        wait_until("a warm gateway", lambda: len(load.succeeded) >= WARM_REQUESTS, WARM_SECONDS)
    load.assert_all_succeeded()
    return load


def serve(running: Gateway, seconds: float) -> tuple[Clients, list[Footprint]]:
    """Half load for so long, and what was seen meanwhile."""
    seen = list[Footprint]()
    with clients(running.url, count=8, streaming=2, stream_model=stream_of(5, 10), pause_seconds=0.2) as load:
        began = time.monotonic()
        for look in range(1, LOOKS + 1):
            due = began + seconds * look / LOOKS
            wait_until("the next look", lambda: time.monotonic() >= due, seconds)  # noqa: B023
            seen.append(footprint(running.box))
    load.assert_all_succeeded()
    return load, seen


def test_half_load_leaves_nothing_behind(site: Site) -> None:
    running = site.started("soaked", env={"NUM_WORKERS": str(WORKERS)})
    warm = warm_up(running)
    site.assert_rows_of(warm)
    before = footprint(running.box)
    load, seen = serve(running, LOAD_SECONDS)
    site.assert_rows_of(warm, load)
    wait_until(
        f"no more than {before}; now {footprint(running.box)}",
        lambda: no_more(footprint(running.box), before),
        IDLE_SECONDS,
    )
    first, last = (median(one.memory for one in ends) for ends in (seen[:ENDS], seen[-ENDS:]))
    print([one.memory for one in seen])
    print(f"{before} became {footprint(running.box)}; the memory under load {first} kB became {last} kB")
    assert last <= first * GROWTH, [one.memory for one in seen]
    errors = [line for line in running.box.logs().splitlines() if "ERROR" in line or "Traceback" in line]
    assert errors == []
