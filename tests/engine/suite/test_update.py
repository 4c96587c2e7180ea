"""update, update_many, upsert, delete, delete_many."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from tests.engine.suite.client import Prisma, errors
from tests.engine.suite.database import Database


async def test_only_what_is_named_changes(db: Prisma) -> None:
    post = await db.post.create(data={"title": "old", "description": "kept"})
    changed = await db.post.update(where={"id": post.id}, data={"title": "new"})
    assert changed is not None
    assert (changed.title, changed.description, changed.created_at) == ("new", "kept", post.created_at)


async def test_updated_at_moves_with_each_update(db: Prisma, sql: Database) -> None:
    post = await db.post.create(data={"title": "t"})
    sql.run("UPDATE \"Post\" SET updated_at = '2001-01-01'")
    changed = await db.post.update(where={"id": post.id}, data={"title": "u"})
    assert changed is not None
    assert changed.updated_at >= post.updated_at
    sql.run("UPDATE \"Post\" SET updated_at = '2001-01-01'")
    await db.post.update_many(where={}, data={"title": "v"})
    assert sql.value('SELECT extract(year FROM updated_at)::int FROM "Post"') > 2001


async def test_null_and_its_refusal(db: Prisma) -> None:
    post = await db.post.create(data={"title": "t", "description": "d"})
    changed = await db.post.update(where={"id": post.id}, data={"description": None})
    assert changed is not None
    assert changed.description is None
    with pytest.raises(errors.MissingRequiredValueError, match="published"):
        await db.post.update(where={"id": post.id}, data={"published": None})


async def test_a_record_that_does_not_exist(db: Prisma) -> None:
    assert await db.post.update(where={"id": "none"}, data={"title": "t"}) is None
    assert await db.post.delete(where={"id": "none"}) is None
    assert await db.post.update_many(where={"id": "none"}, data={"title": "t"}) == 0
    assert await db.post.delete_many(where={"id": "none"}) == 0


async def test_no_data_at_all_changes_nothing(db: Prisma) -> None:
    user = await db.user.create(data={"name": "Ada"})
    assert await db.user.update(where={"id": user.id}, data={}) == user


@pytest.mark.parametrize(
    ("operation", "whole", "fraction"),
    [
        ("set", 5, "2.5"),
        ("increment", 15, "12.5"),
        ("decrement", 5, "7.5"),
        ("multiply", 50, "25"),
        ("divide", 2, "4"),
    ],
)
async def test_arithmetic_on_every_kind_of_number(db: Prisma, operation: str, whole: int, fraction: str) -> None:
    start = {"integer": 10, "bigint": 10, "float_": 10.0, "decimal_": Decimal(10)}
    record = await db.types.create(data=start | {"opt_integer": 10})
    changed = await db.types.update(
        where={"id": record.id},
        data={
            "integer": {operation: 5},
            "bigint": {operation: 5},
            "opt_integer": {operation: 5},
            "float_": {operation: 2.5},
            "decimal_": {operation: Decimal("2.5")},
        },
    )
    assert changed is not None
    assert (changed.integer, changed.bigint, changed.opt_integer) == (whole, whole, whole)
    assert (changed.float_, changed.decimal_) == (float(fraction), Decimal(fraction))


async def test_arithmetic_on_null_stays_null(db: Prisma) -> None:
    record = await db.types.create(data={})
    changed = await db.types.update(where={"id": record.id}, data={"opt_integer": {"increment": 1}})
    assert changed is not None
    assert changed.opt_integer is None


async def test_increments_at_the_same_time_lose_nothing(db: Prisma) -> None:
    user = await db.user.create(data={"name": "Ada"})
    one = {"balance": {"increment": 1}}
    await asyncio.gather(*(db.user.update(where={"id": user.id}, data=one) for _ in range(40)))
    assert (await db.user.find_unique_or_raise(where={"id": user.id})).balance == 40


async def test_keys_can_change(db: Prisma) -> None:
    user = await db.user.create(data={"name": "Ada", "email": "old@x"})
    changed = await db.user.update(where={"email": "old@x"}, data={"id": "new", "email": "new@x"})
    assert changed is not None
    assert (changed.id, changed.email, changed.name) == ("new", "new@x", user.name)
    record = await db.types.create(data={})
    moved = await db.types.update(where={"id": record.id}, data={"id": {"increment": 500}})
    assert moved is not None
    assert moved.id == record.id + 500


async def test_a_key_that_is_taken_is_an_error(db: Prisma) -> None:
    await db.user.create_many(data=[{"id": "1", "name": "a"}, {"id": "2", "name": "b"}])
    with pytest.raises(errors.UniqueViolationError):
        await db.user.update(where={"id": "1"}, data={"id": "2"})


async def test_many(db: Prisma, sql: Database) -> None:
    await db.user.create_many(data=[{"name": name, "balance": 10} for name in ("a1", "a2", "b1")])
    data = {"balance": {"decrement": 4}, "email": None, "role": "WRITER"}
    assert await db.user.update_many(where={"name": {"startswith": "a"}}, data=data) == 2
    rows = sql.run('SELECT name, balance, role::text FROM "User" ORDER BY name')
    assert [tuple(row.values()) for row in rows] == [("a1", 6, "WRITER"), ("a2", 6, "WRITER"), ("b1", 10, "READER")]
    assert await db.user.update_many(where={}, data={"balance": 0}) == 3


async def test_upsert_creates_then_updates(db: Prisma) -> None:
    data = {"create": {"id": "1", "name": "made"}, "update": {"name": "changed", "balance": {"increment": 1}}}
    first = await db.user.upsert(where={"id": "1"}, data=data)
    second = await db.user.upsert(where={"id": "1"}, data=data, include={"posts": True})
    assert (first.name, first.balance) == ("made", 0)
    assert (second.name, second.balance, second.posts) == ("changed", 1, [])
    assert await db.user.count() == 1


async def test_upsert_with_relations(db: Prisma) -> None:
    data = {
        "create": {"id": "p", "title": "made", "author": {"create": {"name": "Ada"}}},
        "update": {"title": "changed", "author": {"disconnect": True}},
    }
    made = await db.post.upsert(where={"id": "p"}, data=data, include={"author": True})
    changed = await db.post.upsert(where={"id": "p"}, data=data, include={"author": True})
    assert made.author is not None
    assert (changed.title, changed.author) == ("changed", None)


async def test_upserts_at_the_same_time_make_one_record(db: Prisma) -> None:
    """Prisma does such an upsert (one unique field, equal in `where` and `create`) as INSERT ... ON CONFLICT."""
    data = {"create": {"email": "one@x", "name": "a", "balance": 1}, "update": {"balance": {"increment": 1}}}
    await asyncio.gather(*(db.user.upsert(where={"email": "one@x"}, data=data) for _ in range(20)))
    assert [user.balance for user in await db.user.find_many()] == [20]


async def test_delete_returns_what_was(db: Prisma) -> None:
    made = await db.post.create(data={"title": "t", "categories": {"create": [{"name": "c"}]}})
    gone = await db.post.delete(where={"id": made.id}, include={"categories": True})
    assert gone is not None
    assert (gone.id, [category.name for category in gone.categories or []]) == (made.id, ["c"])
    assert await db.post.count() == 0
    assert await db.category.count() == 1


async def test_delete_many(db: Prisma) -> None:
    await db.user.create_many(data=[{"name": name} for name in ("a", "a", "b")])
    assert await db.user.delete_many(where={"name": "a"}) == 2
    assert await db.user.delete_many() == 1
