"""Interactive transactions: isolation, rollback, time limits, use after the end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest

from tests.engine.suite.client import Prisma, User, errors
from tests.engine.suite.database import Database
from tests.engine.suite.engines import connected, until

LONG = timedelta(seconds=20)


async def test_nothing_shows_before_the_commit(db: Prisma) -> None:
    async with db.tx(timeout=LONG) as tx:
        user = await tx.user.create(data={"name": "Ada"})
        assert await db.user.count() == 0
        await tx.profile.create(data={"bio": "b", "user": {"connect": {"id": user.id}}})
        assert await tx.user.count() == 1
    found = await db.user.find_unique_or_raise(where={"id": user.id}, include={"profile": True})
    assert found.profile is not None


async def test_an_exception_rolls_back_and_is_raised(db: Prisma) -> None:
    with pytest.raises(RuntimeError, match="mine"):
        async with db.tx() as tx:
            await tx.user.create(data={"name": "Ada"})
            raise RuntimeError("mine")
    assert await db.user.count() == 0


async def test_a_failed_query_rolls_back(db: Prisma) -> None:
    with pytest.raises(errors.UniqueViolationError):
        async with db.tx() as tx:
            await tx.user.create(data={"id": "1", "name": "a"})
            await tx.user.create(data={"id": "1", "name": "b"})
    assert await db.user.count() == 0


async def test_after_a_failed_query_nothing_of_the_transaction_stays(db: Prisma) -> None:
    """PostgreSQL aborts the transaction: later queries fail, and a commit is a rollback."""
    with pytest.raises(errors.PrismaError):
        async with db.tx() as tx:
            await tx.user.create(data={"id": "1", "name": "a"})
            with pytest.raises(errors.UniqueViolationError):
                await tx.user.create(data={"id": "1", "name": "b"})
            await tx.user.count()
    assert await db.user.count() == 0


async def test_a_query_that_is_invalid_leaves_the_transaction_usable(db: Prisma) -> None:
    async with db.tx() as tx:
        await tx.user.create(data={"name": "a"})
        with pytest.raises(errors.DataError):
            await tx.user.create(data={"nonsense": 1})
        await tx.user.create(data={"name": "b"})
    assert await db.user.count() == 2


async def test_start_commit_and_rollback_by_hand(db: Prisma) -> None:
    manager = db.tx()
    tx = await manager.start()
    await tx.user.create(data={"name": "kept"})
    await manager.commit()
    manager = db.tx()
    tx = await manager.start()
    await tx.user.create(data={"name": "gone"})
    await manager.rollback()
    assert [user.name for user in await db.user.find_many()] == ["kept"]


async def test_raw_queries_and_models_take_part(db: Prisma) -> None:
    with pytest.raises(RuntimeError):
        async with db.tx() as tx:
            await tx.execute_raw("INSERT INTO \"Category\" (name) VALUES ('c')")
            assert await tx.query_raw('SELECT name FROM "Category"') == [{"name": "c"}]
            await User.prisma(tx).create(data={"name": "Ada"})
            raise RuntimeError
    assert [await db.category.count(), await db.user.count()] == [0, 0]


async def test_all_queries_use_one_connection(db: Prisma) -> None:
    async with db.tx() as tx:
        pids = {row["pid"] for _ in range(5) for row in await tx.query_raw("SELECT pg_backend_pid() AS pid")}
        assert len(pids) == 1
        row = await tx.query_first("SHOW transaction_isolation")
        assert row == {"transaction_isolation": "read committed"}


async def test_two_at_the_same_time_do_not_see_each_other(db: Prisma) -> None:
    async with db.tx(timeout=LONG) as one, db.tx(timeout=LONG) as two:
        await one.user.create(data={"name": "Ada"})
        await two.user.create(data={"name": "Bob"})
        assert [user.name for user in await one.user.find_many()] == ["Ada"]
        assert [user.name for user in await two.user.find_many()] == ["Bob"]
    assert await db.user.count() == 2


async def test_queries_of_one_transaction_at_the_same_time(db: Prisma) -> None:
    async with db.tx(timeout=LONG) as tx:
        await asyncio.gather(*(tx.user.create(data={"name": str(number)}) for number in range(20)))
        assert await tx.user.count() == 20
    assert await db.user.count() == 20


async def test_a_row_lock_holds_until_the_end(db: Prisma) -> None:
    user = await db.user.create(data={"name": "Ada"})
    where, one = {"id": user.id}, {"balance": {"increment": 1}}
    async with db.tx(timeout=LONG) as tx:
        await tx.user.update(where=where, data=one)
        waiting = asyncio.ensure_future(db.user.update(where=where, data=one))
        done, _ = await asyncio.wait([waiting], timeout=0.2)
        assert not done
    changed = await waiting
    assert changed is not None
    assert changed.balance == 2


async def test_the_time_limit(db: Prisma, sql: Database) -> None:
    """After `timeout` the transaction is rolled back, whether or not anybody asks."""
    with pytest.raises(errors.TransactionExpiredError, match="Transaction already closed"):
        async with db.tx(timeout=timedelta(milliseconds=150)) as tx:
            await tx.user.create(data={"id": "1", "name": "Ada"})
            await asyncio.sleep(0.3)
            # Free again: the engine did not wait for the next query.
            sql.run("SET lock_timeout = '2s'")
            sql.run("INSERT INTO \"User\" (id, name) VALUES ('1', 'other')")
            await tx.user.create(data={"name": "late"})
    assert [user.name for user in await db.user.find_many()] == ["other"]


async def test_the_time_limit_at_the_commit(db: Prisma) -> None:
    with pytest.raises(errors.TransactionExpiredError):
        async with db.tx(timeout=timedelta(milliseconds=100)) as tx:
            await tx.user.create(data={"name": "Ada"})
            await asyncio.sleep(0.25)
    assert await db.user.count() == 0


async def test_a_query_that_outlasts_the_time_limit(db: Prisma) -> None:
    started = time.monotonic()
    with pytest.raises(errors.PrismaError):
        async with db.tx(timeout=timedelta(milliseconds=300)) as tx:
            await tx.user.create(data={"name": "Ada"})
            await tx.query_raw("SELECT pg_sleep(0.8)")
    assert time.monotonic() - started < 4
    assert await db.user.count() == 0


async def test_use_after_the_end(db: Prisma) -> None:
    async with db.tx() as committed:
        pass
    with pytest.raises(RuntimeError):
        async with db.tx() as rolled_back:
            raise RuntimeError
    for tx in (committed, rolled_back):
        with pytest.raises(errors.TransactionExpiredError, match="Transaction already closed"):
            await tx.user.count()


async def test_an_unknown_transaction(db: Prisma) -> None:
    client = db._copy()
    client._tx_id = "no-such-transaction"
    with pytest.raises(errors.TransactionError) as error:
        await client.user.count()
    assert not isinstance(error.value, errors.TransactionExpiredError)


async def test_not_started(db: Prisma) -> None:
    manager = db.tx()
    for act in (manager.commit, manager.rollback):
        with pytest.raises(errors.TransactionNotStartedError):
            await act()


async def test_waiting_for_a_connection_no_longer_than_max_wait(url: str) -> None:
    async with connected(url, connection_limit=1) as client, client.tx(timeout=LONG):
        started = time.monotonic()
        with pytest.raises(errors.TransactionError, match="Unable to start a transaction in the given time"):
            await client.tx(max_wait=timedelta(milliseconds=300)).start()
        assert 0.2 < time.monotonic() - started < 2


async def test_more_transactions_than_connections_queue(url: str) -> None:
    async with connected(url, connection_limit=3) as client:

        async def add(number: int) -> None:
            async with client.tx(max_wait=LONG, timeout=LONG) as tx:
                await tx.user.create(data={"id": str(number), "name": "n"})
                await tx.user.update(where={"id": str(number)}, data={"balance": number})

        await asyncio.gather(*(add(number) for number in range(30)))
        assert await client.user.count(where={"balance": {"gte": 0}}) == 30


async def test_an_engine_that_ends_rolls_back(url: str, db: Prisma, sql: Database) -> None:
    async with connected(url, application_name="leaver") as client:
        tx = await client.tx(timeout=LONG).start()
        await tx.user.create(data={"name": "Ada"})
    assert await db.user.count() == 0
    await until("the end of its connections", lambda: not sql.connections("leaver"))


@pytest.fixture
def deferred(sql: Database) -> Iterator[None]:
    """The foreign key of Goat is checked at the commit."""
    sql.run('ALTER TABLE "Goat" ALTER CONSTRAINT "Goat_owner_id_fkey" DEFERRABLE INITIALLY DEFERRED')
    yield
    sql.run('ALTER TABLE "Goat" ALTER CONSTRAINT "Goat_owner_id_fkey" NOT DEFERRABLE')


@pytest.mark.usefixtures("deferred")
async def test_a_commit_that_the_database_refuses_is_an_error(db: Prisma) -> None:
    with pytest.raises(errors.PrismaError):
        async with db.tx() as tx:
            await tx.goat.create(data={"id": 1, "owner_id": 99})
            assert await tx.goat.count() == 1
    with pytest.raises(errors.PrismaError):
        async with db.batch_() as batch:
            batch.owner.create(data={"id": 1})
            batch.goat.create(data={"id": 2, "owner_id": 99})
    assert [await db.goat.count(), await db.owner.count()] == [0, 0]
