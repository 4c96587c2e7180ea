"""query_raw, query_first, execute_raw: parameters, models, counts, statements of every kind."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from pydantic import BaseModel

from tests.engine.suite.client import Base64, Json, Post, Prisma, Types, User, errors
from tests.engine.suite.database import Database


async def test_rows_and_the_first_row(db: Prisma) -> None:
    await db.user.create_many(data=[{"id": "1", "name": "a"}, {"id": "2", "name": "b"}])
    select = 'SELECT id, name FROM "User" ORDER BY id'
    assert await db.query_raw(select) == [{"id": "1", "name": "a"}, {"id": "2", "name": "b"}]
    assert await db.query_first(select) == {"id": "1", "name": "a"}
    assert await db.query_first('SELECT id FROM "User" WHERE id = $1', "none") is None
    assert await db.query_raw('SELECT id FROM "User" WHERE false') == []


async def test_models(db: Prisma) -> None:
    user = await db.user.create(data={"name": "Ada", "points": 1.5, "role": "OWNER"})
    post = await db.post.create(data={"title": "t", "published": True})
    select = 'SELECT * FROM "Post" WHERE id = $1'
    assert await db.query_raw(select, post.id, model=Post) == [post]
    assert await db.query_first(select, post.id, model=Post) == post
    assert await db.query_first(select, "none", model=Post) is None
    assert await db.query_raw('SELECT * FROM "User"', model=User) == [user]


async def test_a_model_of_ones_own(db: Prisma) -> None:
    class Total(BaseModel):
        total: int
        mean: Decimal

    found = await db.query_first("SELECT count(*) AS total, avg(n) AS mean FROM generate_series(1, 4) n", model=Total)
    assert found == Total(total=4, mean=Decimal("2.5"))


async def test_a_model_with_every_type(db: Prisma) -> None:
    data = {
        "bigint": 2**63 - 1,
        "float_": 0.5,
        "decimal_": Decimal("1.25"),
        "moment": datetime(2024, 1, 2, 3, 4, 5, 678000, tzinfo=UTC),
        "bytes": Base64.encode(b"\x00\xff"),
        "json_obj": Json({"a": [1, {"b": None}]}),
        "flag": True,
    }
    record = await db.types.create(data=data)
    found = await db.query_first('SELECT * FROM "Types" WHERE id = $1', record.id, model=Types)
    assert found == record


async def test_counts_of_changed_rows(db: Prisma, sql: Database) -> None:
    insert = 'INSERT INTO "Bulk" VALUES ($1, $2, 0), ($3, $4, 0)'
    assert await db.execute_raw(insert, 1, "a", 2, "b") == 2
    assert await db.execute_raw('UPDATE "Bulk" SET amount = $1', 7) == 2
    assert await db.execute_raw('UPDATE "Bulk" SET amount = 1 WHERE false') == 0
    assert await db.execute_raw('DELETE FROM "Bulk" WHERE id = $1', 1) == 1
    assert await db.execute_raw("CREATE TEMPORARY TABLE anything (id int)") == 0
    assert sql.run('SELECT id, amount FROM "Bulk"') == [{"id": 2, "amount": 7}]


async def test_writes_that_return_rows(db: Prisma) -> None:
    insert = 'INSERT INTO "Bulk" VALUES ($1, $2, 0) RETURNING id, payload'
    assert await db.query_raw(insert, 1, "a") == [{"id": 1, "payload": "a"}]
    assert await db.query_raw('UPDATE "Bulk" SET amount = 3 RETURNING amount') == [{"amount": 3}]
    assert await db.query_raw('DELETE FROM "Bulk"') == []


@pytest.mark.parametrize(
    ("expression", "value", "expected"),
    [
        ("$1::int", 5, 5),
        ("$1::bigint", 2**62, 2**62),
        ("$1::text", 'it\'s "x" \\ 🔑\n', 'it\'s "x" \\ 🔑\n'),
        ("$1::float8", 1.25, 1.25),
        ("$1::float8", 3, 3.0),
        ("$1::boolean", True, True),
        ("$1::text IS NULL", None, True),
        ("$1::int IS NULL", None, True),
        ("$1::numeric", Decimal("1.5"), 1.5),
        ("$1::text", "2024-01-01T00:00:00Z", "2024-01-01T00:00:00Z"),
        ("$1::timestamptz", datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC), "2024-01-02T03:04:05+00:00"),
        ("$1::timestamp", datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC), "2024-01-02T03:04:05+00:00"),
        ("$1::jsonb", {"a": [1, None, "x"]}, {"a": [1, None, "x"]}),
        ("$1::jsonb", Json({"a": 1}), {"a": 1}),
        ("$1::jsonb->>'k'", {"k": "v"}, "v"),
        ("$1::int[]", [1, 2], [1, 2]),
        ("$1::text[]", ["a", "b"], ["a", "b"]),
        ("$1::uuid", "0b8e2f6a-2f63-4c4b-9a57-5f8f6f0f4a11", "0b8e2f6a-2f63-4c4b-9a57-5f8f6f0f4a11"),
        ("$1 + 1", 4, 5),
        ("length($1)", "abc", 3),
    ],
)
async def test_parameters(db: Prisma, expression: str, value: object, expected: object) -> None:
    assert await db.query_raw(f"SELECT {expression} AS value", value) == [{"value": expected}]


async def test_parameters_take_the_type_of_the_column(db: Prisma) -> None:
    record = await db.types.create(
        data={"moment": datetime(2024, 1, 2, tzinfo=UTC), "bigint": 2**40, "json_obj": Json({"a": 1}), "flag": True}
    )
    for column, value in (
        ("id", record.id),
        ("bigint", 2**40),
        ("flag", True),
        ("float_", 0),
        ("string", "plain"),
        ("moment", datetime(2024, 1, 2, tzinfo=UTC)),
        ("json_obj", {"a": 1}),
    ):
        found = await db.query_raw(f'SELECT id FROM "Types" WHERE {column} = $1', value)
        assert found == [{"id": record.id}], column
    assert await db.query_raw('SELECT id FROM "Types" WHERE id = ANY($1)', [record.id, 0]) == [{"id": record.id}]


async def test_one_parameter_in_two_places_and_more_than_nine(db: Prisma) -> None:
    assert await db.query_raw("SELECT $1::int + $1::int AS sum", 4) == [{"sum": 8}]
    numbers = list(range(1, 13))
    places = " + ".join(f"${number}::int" for number in numbers)
    assert await db.query_raw(f"SELECT {places} AS sum", *numbers) == [{"sum": 78}]


async def test_parameters_are_never_statements(db: Prisma) -> None:
    evil = '\'; DROP TABLE "User"; --'
    assert await db.query_raw("SELECT $1::text AS text", evil) == [{"text": evil}]
    assert await db.user.count() == 0


@pytest.mark.parametrize(
    ("statement", "values", "code"),
    [
        ("SELEC 1", (), "42601"),
        ("SELECT * FROM no_such_table", (), "42P01"),
        ('SELECT no_such_column FROM "User"', (), "42703"),
        ("SELECT 1 / $1::int", (0,), "22012"),
        ("SELECT $1::text::int", ("x",), "22P02"),
        ("INSERT INTO \"Category\" (id, name) VALUES (1, 'a'), (2, 'a')", (), "23505"),
        ('INSERT INTO "Goat" VALUES (1, 99)', (), "23503"),
        ('INSERT INTO "Category" (name) VALUES (NULL)', (), "23502"),
    ],
)
async def test_errors_carry_the_databases_code_and_message(
    db: Prisma, statement: str, values: tuple[object, ...], code: str
) -> None:
    for call in (db.query_raw, db.execute_raw):
        with pytest.raises(errors.RawQueryError) as error:
            await call(statement, *values)
        assert error.value.code == "P2010"
        assert error.value.meta["code"] == code
        assert str(error.value) == error.value.meta["message"]
        assert str(error.value)


@pytest.mark.parametrize(("statement", "values"), [("SELECT $1::int", ()), ("SELECT 1", (1,))])
async def test_too_few_and_too_many_parameters(db: Prisma, statement: str, values: tuple[object, ...]) -> None:
    with pytest.raises(errors.DataError):
        await db.query_raw(statement, *values)
    assert await db.query_raw("SELECT 1 AS one") == [{"one": 1}]


async def test_columns_keep_their_names_and_order(db: Prisma) -> None:
    row = await db.query_first('SELECT 1 AS z, 2 AS a, 3 AS "With Space", 4 AS "ÜñĪ", 5')
    assert list(row.items()) == [("z", 1), ("a", 2), ("With Space", 3), ("ÜñĪ", 4), ("?column?", 5)]


async def test_session_settings_of_a_transaction(db: Prisma) -> None:
    async with db.tx() as tx:
        await tx.execute_raw("SET LOCAL statement_timeout = '1234ms'")
        assert await tx.query_first("SHOW statement_timeout") == {"statement_timeout": "1234ms"}
    assert await db.query_first("SHOW transaction_read_only") == {"transaction_read_only": "off"}
