"""The engine's process: how it is found, what ends it, what does not."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time

import pytest

from tests.engine.suite.client import AlreadyConnectedError, Prisma, config, utils
from tests.engine.suite.database import Database, with_parameters
from tests.engine.suite.engines import alive, comm, connected, engine_of, parent, pid_of, session, until
from tests.engine.suite.workers import worker

COMMIT = "393aa359c9ad4a4bb28630fb5613f9c281cde053"
BINARY = os.environ["PRISMA_QUERY_ENGINE_BINARY"]


def test_the_version_is_the_one_that_the_client_expects() -> None:
    done = subprocess.run([BINARY, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == f"query-engine {COMMIT}"
    assert config.expected_engine_version == COMMIT


async def test_it_is_a_direct_child_with_the_name_that_litellm_looks_for(db: Prisma) -> None:
    pid = pid_of(db)
    assert parent(pid) == os.getpid()
    assert comm(pid).startswith("query-engine")


async def test_the_name_holds_from_the_first_moment(url: str, schema: str) -> None:
    environment = os.environ | {"DATABASE_URL": url, "PRISMA_DML_PATH": schema}
    process = subprocess.Popen([BINARY, "-p", str(utils.get_open_port()), "--enable-raw-queries"], env=environment)
    try:
        names = set()
        deadline = time.monotonic() + 1.5
        while time.monotonic() < deadline:
            names.add(comm(process.pid))
        assert all(name.startswith("query-engine") for name in names), names
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()


async def test_it_lives_in_a_session_of_its_own(db: Prisma) -> None:
    assert session(pid_of(db)) == pid_of(db)


async def test_a_second_connect_is_refused_by_the_client(db: Prisma) -> None:
    with pytest.raises(AlreadyConnectedError):
        await db.connect()


async def test_connect_and_disconnect_again_and_again(url: str, sql: Database) -> None:
    client = Prisma()
    seen = set()
    for _ in range(3):
        await client.connect()
        assert client.is_connected()
        seen.add(pid_of(client))
        assert await client.user.count() == 0
        await client.disconnect()
        assert not client.is_connected()
    assert len(seen) == 3
    await until("the end of the engines", lambda: not any(map(alive, seen)), 3)


async def test_disconnect_ends_the_process_and_its_connections(url: str, sql: Database) -> None:
    async with connected(url, application_name="ends") as client:
        await asyncio.gather(*(client.user.count() for _ in range(5)))
        pid = pid_of(client)
        assert sql.connections("ends")
    assert not alive(pid)
    await until("the end of its connections", lambda: not sql.connections("ends"), 3)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_to_it_ends_it(url: str, sql: Database, number: signal.Signals) -> None:
    async with connected(url, application_name="signalled") as client:
        process = engine_of(client).process
        assert process is not None
        running = asyncio.ensure_future(client.query_raw("SELECT pg_sleep(20)"))
        await until("a query", lambda: any(row["state"] == "active" for row in sql.connections("signalled")))
        started = time.monotonic()
        process.send_signal(number)
        await until("its end", lambda: process.poll() is not None, 5)
        assert time.monotonic() - started < 3
        with pytest.raises(Exception):  # noqa: B017, PT011 - whatever the HTTP client makes of a lost connection
            await running
    sql.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'signalled'")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_to_the_workers_group_does_not_reach_it(url: str, schema: str, number: signal.Signals) -> None:
    """The worker's last writes find it."""
    with worker(url, schema) as one:
        one.signal_group(number)
        await asyncio.sleep(0.2)
        assert one.ask("count") == "0"
        assert alive(one.engine)


@pytest.mark.parametrize("how", ["SIGKILL", "vanish", "end of input"])
async def test_it_ends_when_its_worker_does(url: str, schema: str, sql: Database, how: str) -> None:
    with worker(with_parameters(url, application_name="orphan"), schema) as one:
        assert one.ask("count") == "0"
        assert sql.connections("orphan")
        if how == "SIGKILL":
            one.process.kill()
        elif how == "vanish":
            one.tell("vanish")
        else:
            assert one.process.stdin is not None
            one.process.stdin.close()
        one.process.wait()
        await until("the end of the engine", lambda: not alive(one.engine), 5)
        await until("the end of its connections", lambda: not sql.connections("orphan"), 5)


async def test_it_ends_when_its_worker_dies_while_it_starts(url: str, schema: str) -> None:
    """Nobody asked it anything yet."""
    code = (
        "import os, subprocess, sys\n"
        "p = subprocess.Popen([sys.argv[1], '-p', sys.argv[2], '--enable-raw-queries'])\n"
        "print(p.pid, flush=True)\n"
        "os._exit(0)"
    )
    environment = os.environ | {"DATABASE_URL": url, "PRISMA_DML_PATH": schema}
    words = [sys.executable, "-c", code, BINARY, str(utils.get_open_port())]
    starter = subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, text=True)
    assert starter.stdout is not None
    pid = int(starter.stdout.readline())
    starter.wait()
    starter.stdout.close()
    await until("the end of the engine", lambda: not alive(pid), 5)


async def test_a_worker_that_says_so_ends_it(url: str, schema: str) -> None:
    with worker(url, schema) as one:
        assert one.ask("leave") == "0"
        assert not alive(one.engine)
        assert one.process.poll() is None


async def test_engines_of_two_workers_are_independent(url: str, schema: str) -> None:
    with worker(url, schema) as one, worker(url, schema) as two:
        one.process.kill()
        one.process.wait()
        await until("the end of the first engine", lambda: not alive(one.engine), 5)
        assert two.ask("count") == "0"


async def test_a_killed_engine_is_replaced_by_connecting_again(url: str) -> None:
    async with connected(url) as client:
        os.kill(pid_of(client), signal.SIGKILL)
        with pytest.raises(Exception):  # noqa: B017, PT011 - whatever the HTTP client makes of a lost connection
            await client.user.count()
        await client.disconnect()
        await client.connect()
        assert await client.user.count() == 0
