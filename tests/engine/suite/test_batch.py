"""batch_: several writes, all or none."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.engine.suite.client import Json, Prisma, errors
from tests.engine.suite.database import Database


async def test_every_operation_in_one_batch(db: Prisma, sql: Database) -> None:
    await db.user.create_many(data=[{"id": name, "name": name} for name in "abcd"])
    async with db.batch_() as batch:
        batch.user.create(data={"id": "e", "name": "e"})
        batch.user.create_many(data=[{"id": "f", "name": "f"}, {"id": "a", "name": "x"}], skip_duplicates=True)
        batch.user.update(where={"id": "a"}, data={"balance": {"increment": 5}})
        batch.user.update_many(where={"id": {"in": ["b", "c"]}}, data={"balance": 1})
        batch.user.upsert(where={"id": "g"}, data={"create": {"id": "g", "name": "g"}, "update": {}})
        batch.user.delete(where={"id": "d"})
        batch.user.delete_many(where={"id": "c"})
        batch.execute_raw('UPDATE "User" SET balance = $1 WHERE id = $2', 9, "e")
    rows = sql.run('SELECT id, balance FROM "User" ORDER BY id')
    assert [tuple(row.values()) for row in rows] == [("a", 5), ("b", 1), ("e", 9), ("f", 0), ("g", 0)]


async def test_commit_by_hand_and_again(db: Prisma) -> None:
    batch = db.batch_()
    batch.user.create(data={"name": "a"})
    assert await db.user.count() == 0
    await batch.commit()
    assert await db.user.count() == 1
    batch.user.create(data={"name": "b"})
    await batch.commit()
    assert await db.user.count() == 2


async def test_an_error_undoes_all(db: Prisma) -> None:
    with pytest.raises(errors.UniqueViolationError, match="Unique constraint failed"):
        async with db.batch_() as batch:
            batch.user.create(data={"id": "1", "name": "a"})
            batch.user.create(data={"id": "1", "name": "b"})
    assert await db.user.count() == 0


@pytest.mark.parametrize("bad", [{"name": None}, {"nonsense": 1}, {"name": "x", "balance": "text"}])
async def test_an_invalid_query_undoes_all(db: Prisma, bad: dict[str, object]) -> None:
    with pytest.raises(errors.DataError):
        async with db.batch_() as batch:
            batch.user.create(data={"name": "a"})
            batch.user.create(data=bad)
    assert await db.user.count() == 0


async def test_a_failing_raw_statement_undoes_all(db: Prisma) -> None:
    with pytest.raises(errors.RawQueryError):
        async with db.batch_() as batch:
            batch.user.create(data={"name": "a"})
            batch.execute_raw("SELECT 1 / 0")
    assert await db.user.count() == 0


async def test_an_exception_in_the_block_sends_nothing(db: Prisma) -> None:
    with pytest.raises(RuntimeError, match="mine"):
        async with db.batch_() as batch:
            batch.user.create(data={"name": "a"})
            raise RuntimeError("mine")
    assert await db.user.count() == 0


async def test_later_queries_see_earlier_ones(db: Prisma) -> None:
    async with db.batch_() as batch:
        batch.user.create(data={"id": "1", "name": "Ada"})
        batch.profile.create(data={"bio": "b", "user": {"connect": {"id": "1"}}})
    user = await db.user.find_unique_or_raise(where={"id": "1"}, include={"profile": True})
    assert user.profile is not None


async def test_an_empty_batch(db: Prisma) -> None:
    async with db.batch_():
        pass
    assert await db.user.count() == 0


async def test_a_thousand_queries(db: Prisma) -> None:
    async with db.batch_() as batch:
        for number in range(1000):
            batch.types.create(data={"integer": number, "json_obj": Json({"n": number})})
    assert await db.types.count() == 1000
    assert (await db.types.find_first_or_raise(where={"integer": 999})).json_obj == {"n": 999}


async def test_inside_a_transaction(db: Prisma) -> None:
    async with db.tx(timeout=timedelta(seconds=20)) as tx:
        async with tx.batch_() as batch:
            batch.user.create(data={"name": "a"})
            batch.user.create(data={"name": "b"})
        assert [await db.user.count(), await tx.user.count()] == [0, 2]
    assert await db.user.count() == 2


async def test_inside_a_transaction_that_is_rolled_back(db: Prisma) -> None:
    with pytest.raises(RuntimeError, match="mine"):
        async with db.tx() as tx:
            async with tx.batch_() as batch:
                batch.user.create(data={"name": "a"})
            raise RuntimeError("mine")
    assert await db.user.count() == 0
