"""Clients with an engine of their own, and a look at the engine's process."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from tests.engine.suite.client import AsyncQueryEngine, Prisma, utils
from tests.engine.suite.database import with_parameters

PROC = Path("/proc")


@asynccontextmanager
async def connected(url: str, **parameters: object) -> AsyncIterator[Prisma]:
    """A client whose engine connects to `url` with these parameters."""
    client = Prisma(datasource={"url": with_parameters(url, **parameters)})
    await client.connect()
    try:
        yield client
    finally:
        await client.disconnect()


def engine_of(client: Prisma) -> AsyncQueryEngine:
    engine = client._engine
    assert isinstance(engine, AsyncQueryEngine)
    return engine


def pid_of(client: Prisma) -> int:
    process = engine_of(client).process
    assert process is not None
    return int(process.pid)


def url_of(client: Prisma) -> str:
    """Where the engine listens."""
    url = engine_of(client).url
    assert url is not None
    return str(url)


async def refusal(url: str, schema: str) -> str:
    """What an engine says that cannot connect to `url`, and ends; the data model is in the file `schema`."""
    process = await asyncio.create_subprocess_exec(
        os.environ["PRISMA_QUERY_ENGINE_BINARY"],
        *("-p", str(utils.get_open_port()), "--enable-raw-queries"),
        env=os.environ | {"DATABASE_URL": url, "PRISMA_DML_PATH": schema},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        output, _ = await asyncio.wait_for(process.communicate(), 45)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode is not None
    assert process.returncode > 0, output
    return output.decode()


def alive(pid: int) -> bool:
    """Whether a process runs; one that only waits to be reaped does not."""
    try:
        stat = (PROC / str(pid) / "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] not in ("Z", "X")


def comm(pid: int) -> str:
    return (PROC / str(pid) / "comm").read_text().strip()


def parent(pid: int) -> int:
    return int((PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[1])


def session(pid: int) -> int:
    return int((PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[3])


def memory(pid: int, field: str) -> int:
    """A figure of the process's status, such as VmHWM (most resident memory so far), in bytes."""
    for line in (PROC / str(pid) / "status").read_text().splitlines():
        name, _, rest = line.partition(":")
        if name == field:
            return int(rest.split()[0]) * 1024
    raise AssertionError(f"no {field} of process {pid}")


async def until(what: str, check: Callable[[], bool], seconds: float = 10) -> None:
    """Poll `check` until it is true; fail with `what` when `seconds` have passed."""
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, f"waited {seconds:g} s in vain for: {what}"
        await asyncio.sleep(0.02)
