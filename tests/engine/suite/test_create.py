"""create and create_many."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.engine.suite.client import Prisma, errors
from tests.engine.suite.database import Database


async def test_a_record_with_its_required_fields_gets_the_defaults(db: Prisma) -> None:
    before = datetime.now(UTC) - timedelta(seconds=5)
    user = await db.user.create(data={"name": "Ada"})
    assert (user.name, user.email, user.balance, user.points, user.role) == ("Ada", None, 0, 0.0, "READER")
    assert user.id.startswith("c")
    assert len(user.id) == 25
    assert before < user.created < datetime.now(UTC) + timedelta(seconds=5)
    assert user.posts is None


async def test_given_values_win_over_defaults(db: Prisma, sql: Database) -> None:
    data = {"id": "own", "name": "Ada", "email": "a@b.c", "balance": -5, "points": 2.5, "role": "OWNER"}
    user = await db.user.create(data=data)
    assert user.model_dump(include=set(data)) == data
    assert sql.value('SELECT balance FROM "User" WHERE id = %s', "own") == -5


async def test_none_sets_null(db: Prisma, sql: Database) -> None:
    post = await db.post.create(data={"title": "t", "description": None})
    assert post.description is None
    assert sql.value('SELECT description FROM "Post"') is None


async def test_a_missing_required_value_is_an_error(db: Prisma, sql: Database) -> None:
    with pytest.raises(errors.MissingRequiredValueError, match="title"):
        await db.post.create(data={"published": True})
    assert sql.value('SELECT count(*) FROM "Post"') == 0


async def test_null_for_a_required_field_is_an_error(db: Prisma) -> None:
    with pytest.raises(errors.MissingRequiredValueError, match="published"):
        await db.post.create(data={"title": "t", "published": None})


async def test_null_for_a_relation_is_an_error(db: Prisma) -> None:
    with pytest.raises(errors.MissingRequiredValueError, match="author"):
        await db.post.create(data={"title": "t", "author": None})


async def test_a_second_record_with_the_same_key_is_an_error(db: Prisma) -> None:
    await db.user.create(data={"id": "one", "name": "a"})
    with pytest.raises(errors.UniqueViolationError):
        await db.user.create(data={"id": "one", "name": "b"})
    assert await db.user.count() == 1


async def test_a_foreign_key_may_be_given_as_a_plain_field(db: Prisma) -> None:
    user = await db.user.create(data={"name": "Ada"})
    profile = await db.profile.create(data={"bio": "b", "user_id": user.id}, include={"user": True})
    assert profile.user is not None
    assert profile.user.id == user.id


async def test_many_records(db: Prisma, sql: Database) -> None:
    assert await db.user.create_many(data=[{"name": name} for name in "abc"]) == 3
    assert [row["name"] for row in sql.run('SELECT name FROM "User" ORDER BY name')] == ["a", "b", "c"]
    assert sql.value('SELECT count(DISTINCT id) FROM "User"') == 3


async def test_many_records_with_different_fields(db: Prisma) -> None:
    rows = [
        {"id": "1", "name": "a", "email": "a@x"},
        {"id": "2", "name": "b", "balance": 7},
        {"id": "3", "name": "c", "role": "WRITER", "points": 1.5},
    ]
    assert await db.user.create_many(data=rows) == 3
    found = await db.user.find_many(order={"id": "asc"})
    assert [(u.email, u.balance, u.role, u.points) for u in found] == [
        ("a@x", 0, "READER", 0),
        (None, 7, "READER", 0),
        (None, 0, "WRITER", 1.5),
    ]


async def test_many_records_of_which_one_exists_create_none(db: Prisma) -> None:
    await db.user.create(data={"id": "1", "name": "first"})
    with pytest.raises(errors.UniqueViolationError):
        await db.user.create_many(data=[{"id": "2", "name": "x"}, {"id": "1", "name": "y"}])
    assert await db.user.count() == 1


async def test_skip_duplicates_leaves_what_exists(db: Prisma) -> None:
    await db.user.create(data={"id": "1", "name": "first"})
    rows = [{"id": "1", "name": "second"}, {"id": "2", "name": "new"}]
    assert await db.user.create_many(data=rows, skip_duplicates=True) == 1
    assert await db.user.create_many(data=rows, skip_duplicates=True) == 0
    assert (await db.user.find_unique_or_raise(where={"id": "1"})).name == "first"


async def test_skip_duplicates_sees_every_unique_key(db: Prisma) -> None:
    rows = [{"name": "a", "email": "same@x"}, {"name": "b", "email": "same@x"}, {"name": "c"}]
    assert await db.user.create_many(data=rows, skip_duplicates=True) == 2


async def test_no_records_at_all(db: Prisma) -> None:
    assert await db.user.create_many(data=[]) == 0


async def test_more_values_than_one_statement_can_hold(db: Prisma) -> None:
    """PostgreSQL takes 32,767 parameters a statement: 12,000 rows of three columns need several."""
    rows = [{"id": number, "payload": f"row {number}", "amount": number % 7} for number in range(12_000)]
    assert await db.bulk.create_many(data=rows) == 12_000
    assert await db.bulk.count(where={"amount": 3}) == len([row for row in rows if row["amount"] == 3])
