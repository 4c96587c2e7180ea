"""Large results, large queries, many clients: right, and with bounded memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.engine.suite.client import Prisma
from tests.engine.suite.database import Database
from tests.engine.suite.engines import connected, memory, pid_of

ROWS = 100_000
MEGABYTE = 1 << 20


@pytest.fixture
async def client(url: str, sql: Database) -> AsyncIterator[Prisma]:
    """An engine of its own beside 100,000 rows of about 100 bytes."""
    sql.run('INSERT INTO "Bulk" SELECT n, repeat(md5(n::text), 3), n %% 10 FROM generate_series(1, %s) n', ROWS)
    async with connected(url) as client:
        yield client


async def test_a_hundred_thousand_records(client: Prisma) -> None:
    found = await client.bulk.find_many(order={"id": "asc"})
    assert [row.id for row in found] == list(range(1, ROWS + 1))
    assert len(found[-1].payload) == 96
    assert memory(pid_of(client), "VmHWM") < 700 * MEGABYTE


async def test_a_hundred_thousand_raw_rows(client: Prisma) -> None:
    for _ in range(2):
        rows = await client.query_raw('SELECT id, payload FROM "Bulk" ORDER BY id')
        assert len(rows) == ROWS
        assert rows[-1]["id"] == ROWS
    assert memory(pid_of(client), "VmHWM") < 600 * MEGABYTE


async def test_memory_comes_back_and_does_not_add_up(client: Prisma) -> None:
    """Eight large reads need no more than two did, and the engine answers small ones as before."""

    async def read() -> int:
        assert len(await client.query_raw('SELECT * FROM "Bulk" LIMIT 30000')) == 30_000
        return memory(pid_of(client), "VmRSS")

    await read()
    first = await read()
    last = max([await read() for _ in range(6)])
    assert last < first * 1.5 + 30 * MEGABYTE
    assert await client.bulk.count(where={"amount": 3}) == ROWS // 10


async def test_writes_to_a_hundred_thousand_rows(client: Prisma, sql: Database) -> None:
    assert await client.bulk.update_many(where={}, data={"amount": 5}) == ROWS
    assert await client.bulk.delete_many(where={"id": {"gt": ROWS // 2}}) == ROWS // 2
    assert sql.value('SELECT sum(amount) FROM "Bulk"') == 5 * ROWS // 2


async def test_many_queries_at_once(db: Prisma, sql: Database) -> None:
    sql.run('INSERT INTO "Bulk" SELECT n, n::text, 0 FROM generate_series(1, 200) n')
    found = await asyncio.gather(*(db.bulk.find_unique(where={"id": number}) for number in range(1, 201)))
    assert [row and row.payload for row in found] == [str(number) for number in range(1, 201)]
