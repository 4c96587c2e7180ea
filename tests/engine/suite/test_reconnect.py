"""Lost connections: the pool recovers by itself, and errors name the loss."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta

import pytest

from tests.engine.suite.client import EngineConnectionError, Prisma, errors
from tests.engine.suite.database import Database, replaced
from tests.engine.suite.engines import connected, until
from tests.engine.suite.wire import wire

# Cannot reach, timed out while connecting, time over, closed.
LOST = {"P1001", "P1002", "P1008", "P1017"}
AWAY_SECONDS = 3
BACK_SECONDS = 3


async def works(client: Prisma) -> bool:
    try:
        return bool(await client.user.count() == 0)
    except errors.DataError as error:
        if error.code not in LOST | {"P2024"}:
            raise
        return False


async def recovered(client: Prisma, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not await works(client):
        assert time.monotonic() < deadline, "the pool did not recover"
        await asyncio.sleep(0.05)


def terminate(sql: Database, application: str) -> None:
    sql.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s", application)


async def test_idle_connections_that_the_server_ends_cost_no_query(url: str, sql: Database) -> None:
    async with connected(url, application_name="idler", connection_limit=4) as client:
        await asyncio.gather(*(client.query_raw("SELECT pg_sleep(0.05)") for _ in range(4)))
        terminate(sql, "idler")
        await until("the end of all connections", lambda: not sql.connections("idler"))
        await asyncio.sleep(0.1)
        assert [await client.user.count() for _ in range(8)] == [0] * 8


async def test_a_query_whose_connection_ends_fails_soon(url: str, sql: Database) -> None:
    async with connected(url, application_name="busy") as client:
        running = asyncio.ensure_future(client.query_raw("SELECT pg_sleep(20)"))
        await until("the query", lambda: any("sleep" in row["query"] for row in sql.connections("busy")))
        terminate(sql, "busy")
        with pytest.raises(errors.DataError):
            await asyncio.wait_for(running, 5)
        await recovered(client)


async def test_an_engine_that_starts_before_its_database_serves_as_soon_as_it_is_there(url: str) -> None:
    """The client waits for the engine, one that has ended too, and starts no other meanwhile."""
    async with wire(url) as relay:
        await relay.down()
        client = Prisma(datasource={"url": relay.url})
        connecting = asyncio.ensure_future(client.connect())
        # Long enough for the engine to have tried.
        assert await asyncio.wait({connecting}, timeout=AWAY_SECONDS) == (set(), {connecting})
        await relay.up()
        await asyncio.wait_for(connecting, BACK_SECONDS)
        assert await works(client)
        await client.disconnect()


async def test_a_transaction_whose_connection_ends_fails_and_frees_its_place(url: str, sql: Database) -> None:
    async with connected(url, application_name="tx", connection_limit=1) as client:
        with pytest.raises(errors.PrismaError):
            async with client.tx(timeout=timedelta(seconds=20)) as tx:
                await tx.user.create(data={"name": "Ada"})
                terminate(sql, "tx")
                await until("the end of the connection", lambda: not sql.connections("tx"))
                await tx.user.count()
        await recovered(client)


async def test_a_database_that_goes_away_and_comes_back(url: str) -> None:
    async with wire(url) as relay, connected(relay.url, pool_timeout=2) as client:
        assert await works(client)
        await relay.down()
        for _ in range(3):
            started = time.monotonic()
            with pytest.raises(errors.DataError) as error:
                await client.user.count()
            assert error.value.code in LOST
            assert time.monotonic() - started < 4
        await relay.up()
        await recovered(client)
        assert await client.query_raw("SELECT 1 AS one") == [{"one": 1}]


async def test_connections_that_break_while_many_queries_run(url: str, sql: Database) -> None:
    async with wire(url) as relay, connected(relay.url, connection_limit=4, application_name="many") as client:
        queries = [asyncio.ensure_future(client.query_raw("SELECT pg_sleep(0.2)")) for _ in range(12)]
        await until("four connections", lambda: len(sql.connections("many")) == 4)
        relay.cut()
        results = await asyncio.wait_for(asyncio.gather(*queries, return_exceptions=True), 10)
        lost = [result for result in results if isinstance(result, BaseException)]
        assert 1 <= len(lost) <= 4
        assert all(isinstance(error, errors.DataError) and error.code in LOST for error in lost), lost
        await recovered(client)


async def test_a_server_that_does_not_answer_a_new_connection(url: str) -> None:
    """connect_timeout, in seconds; 5 unless told."""
    async with wire(url) as relay, connected(relay.url, connect_timeout=2, connection_limit=1) as client:
        relay.cut()
        relay.silence()
        started = time.monotonic()
        with pytest.raises(errors.DataError) as error:
            await client.user.count()
        assert error.value.code in LOST
        assert time.monotonic() - started < 4
        relay.cut()
        await relay.up()
        await recovered(client)


async def test_a_server_that_stops_answering(url: str) -> None:
    """socket_timeout, in seconds: P1008, and the connection is not used again."""
    async with wire(url) as relay, connected(relay.url, socket_timeout=1, connection_limit=1) as client:
        relay.silence()
        started = time.monotonic()
        with pytest.raises(errors.DataError) as error:
            await client.user.count()
        assert error.value.code == "P1008"
        assert 0.8 < time.monotonic() - started < 4
        relay.cut()
        await relay.up()
        await recovered(client)


async def test_a_database_that_cannot_be_reached_at_the_start(url: str) -> None:
    client = Prisma(datasource={"url": replaced(url, port=1)})
    started = time.monotonic()
    with pytest.raises(EngineConnectionError):
        await client.connect(timeout=timedelta(seconds=1))
    assert time.monotonic() - started < 8
