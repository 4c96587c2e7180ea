"""The database engines of a gateway: one for each worker, ended with it, and another program where one is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.database.support import STRAY_SECONDS, Site, wait_ready
from tests.support import gateway
from tests.support.lab import Box, wait_until
from tests.support.processes import server_of, tree, workers_of

WORKERS = 2
OURS = "/opt/slipway/prisma/query-engine/query-engine"
MINE = "/opt/mine/query-engine-of-mine"
# Says that it was called, then is the engine.
PROGRAM = f'#!/bin/sh\necho "$@" >>/tmp/called\nexec {OURS} "$@"\n'
QUERY = """
import asyncio
from prisma import Prisma
async def main():
    async with Prisma() as client:
        print(await client.query_raw("SELECT 6 * 7 AS answer"))
asyncio.run(main())
"""


def engines(box: Box, server: str) -> dict[int, list[int]]:
    """The workers, and the engines of each."""
    found = tree(box)
    serving = workers_of(found, server_of(found, server), WORKERS)
    return {worker.pid: [engine.pid for engine in found.engines(worker)] for worker in serving}


def each_has_one(box: Box, server: str) -> bool:
    return [len(mine) for mine in engines(box, server).values()] == [1] * WORKERS


@pytest.mark.parametrize("server", ["gunicorn", "uvicorn"])
def test_a_killed_worker_takes_its_engine_along(site: Site, migrated: str, tmp_path: Path, server: str) -> None:
    env = {"NUM_WORKERS": str(WORKERS), "SLIPWAY_SERVER": server}
    box = site.gateway(site.copy(migrated), tmp_path, env=env)
    wait_ready(box)
    assert each_has_one(box, server), str(tree(box))
    victim, (engine,) = next(iter(engines(box, server).items()))
    assert box.exec(["sh", "-c", f"kill -KILL {victim}"]).code == 0
    wait_until("the end of its engine", lambda: not tree(box).alive(engine), STRAY_SECONDS)
    wait_until("the engine of its successor", lambda: each_has_one(box, server))
    box.signal("TERM")
    assert box.wait() == 0, box.logs()


def test_an_engine_that_is_named_is_used_unchanged(site: Site, migrated: str, tmp_path: Path) -> None:
    path = gateway.write(tmp_path, "engine", PROGRAM, 0o755)
    command = ("sh", "-c", 'python -c "$0" && cat /tmp/called', QUERY)
    done = site.run(migrated, *command, env={"PRISMA_QUERY_ENGINE_BINARY": MINE}, files={MINE: path})
    assert done.code == 0, done.output
    assert "[{'answer': 42}]" in done.stdout
    assert "--enable-raw-queries" in done.stdout
