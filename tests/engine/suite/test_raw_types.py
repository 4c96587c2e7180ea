"""Column types in the rows of raw queries. Types that Prisma has no name for arrive as PostgreSQL's text."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from tests.engine.suite.client import Prisma
from tests.engine.suite.database import Database

UUID = "0b8e2f6a-2f63-4c4b-9a57-5f8f6f0f4a11"


async def value_of(db: Prisma, expression: str) -> Any:
    """What `SELECT expression` yields to the client."""
    (row,) = await db.query_raw(f"SELECT {expression} AS value")
    return row["value"]


# (expression, value as the client gives it); the type names are those of the client's raw results.
SCALARS: list[tuple[str, Any]] = [
    ("7::smallint", 7),
    ("'-2147483648'::integer", -(2**31)),
    ("9223372036854775807", 2**63 - 1),
    ("'-9223372036854775808'::bigint", -(2**63)),
    ("count(*)", 1),
    ("4294967295::oid", 2**32 - 1),
    ("0.25::real", 0.25),
    ("0.1::real", 0.1),
    ("0.1::float8 + 0.2::float8", 0.1 + 0.2),
    ("1e300::float8", 1e300),
    ("1.50::numeric", 1.5),
    ("12345.678::numeric(10,3)", 12345.678),
    ("-0.001::numeric", -0.001),
    ("123456789012345678901234567890::numeric", 123456789012345678901234567890.0),
    ("'12.34'::money", 12.34),
    ("true", True),
    ("false", False),
    ("'text'::text", "text"),
    ("''::text", ""),
    ("'ab'::char(4)", "ab  "),
    ("'ab'::varchar(9)", "ab"),
    ("'x'::\"char\"", "x"),
    ("'pg_class'::name", "pg_class"),
    ("'MiX'::citext", "MiX"),
    (f"'{UUID}'::uuid", UUID),
    ("'\\x00ff'::bytea", base64.b64encode(b"\x00\xff").decode()),
    ("'\\x'::bytea", ""),
    ('\'{"a": [1, null, "x"]}\'::json', {"a": [1, None, "x"]}),
    ('\'{"a": {"b": 1.5}}\'::jsonb', {"a": {"b": 1.5}}),
    ("'[]'::jsonb", []),
    ("'true'::jsonb", True),
    ("'12'::jsonb", 12),
    ("'\"text\"'::jsonb", "text"),
    ("'9007199254740993'::jsonb", 2**53 + 1),
    ("'2024-02-29 12:30:15'::timestamp", "2024-02-29T12:30:15+00:00"),
    ("'2024-02-29 12:30:15.123'::timestamp", "2024-02-29T12:30:15.123+00:00"),
    ("'2024-02-29 12:30:15+02'::timestamptz", "2024-02-29T10:30:15+00:00"),
    ("'2024-02-29'::date", "2024-02-29"),
    ("'12:30:15'::time", "12:30:15"),
    ("'<a>b</a>'::xml", "<a>b</a>"),
    ("'READER'::\"Role\"", "READER"),
    ("'so-so'::mood_type", "so-so"),
    ("'1010'::bit(4)", "1010"),
    ("'110'::varbit", "110"),
    ("'10.1.2.3'::inet", "10.1.2.3"),
    ("'10.1.0.0/16'::cidr", "10.1.0.0/16"),
    ("'short'::short_text", "short"),
    # Without a name in Prisma: text.
    ("'1 year 2 mons 3 days 04:05:06'::interval", "1 year 2 mons 3 days 04:05:06"),
    ("'08:00:2b:01:02:03'::macaddr", "08:00:2b:01:02:03"),
    ("to_tsvector('simple', 'b a')", "'a':2 'b':1"),
    ("to_tsquery('simple', 'a & b')", "'a' & 'b'"),
    ("'[1,5)'::int4range", "[1,5)"),
    ("'[1.5,2.5]'::numrange", "[1.5,2.5]"),
    ("'{[1,3),[7,9)}'::int4multirange", "{[1,3),[7,9)}"),
    ("'[2024-01-01,2024-02-01)'::daterange", "[2024-01-01,2024-02-01)"),
    ("'(1,2)'::point", "(1,2)"),
    ("'((0,0),(1,1))'::box", "(1,1),(0,0)"),
    ("'\"User\"'::regclass", '"User"'),
    ("'0/16B3748'::pg_lsn", "0/16B3748"),
    ("'$.a'::jsonpath", '$."a"'),
    ("row(1, 'a')", "(1,a)"),
    ("'12'::xid", "12"),
]


@pytest.mark.parametrize(("expression", "expected"), SCALARS, ids=[name for name, _ in SCALARS])
async def test_scalars(db: Prisma, expression: str, expected: object) -> None:
    value = await value_of(db, expression)
    assert value == expected
    assert type(value) is type(expected)


TYPES = sorted({expression.rpartition("::")[2] for expression, _ in SCALARS if expression.startswith("'")})


@pytest.mark.parametrize("name", TYPES)
async def test_null_of_every_type(db: Prisma, name: str) -> None:
    assert await value_of(db, f"NULL::{name}") is None


ARRAYS: list[tuple[str, Any]] = [
    ("ARRAY[1, 2]::smallint[]", [1, 2]),
    ("ARRAY[1, -2]", [1, -2]),
    ("ARRAY[9223372036854775807, 1]", [2**63 - 1, 1]),
    ("ARRAY[0.25]::real[]", [0.25]),
    ("ARRAY[0.1]::float8[]", [0.1]),
    ("ARRAY[1.5, 2]::numeric[]", [1.5, 2.0]),
    ("ARRAY[true, false]", [True, False]),
    ("ARRAY['a', 'b \"q\" {}', 'NULL', '']", ["a", 'b "q" {}', "NULL", ""]),
    ("ARRAY['ab']::varchar[]", ["ab"]),
    ("ARRAY['ab']::char(3)[]", ["ab "]),
    ("ARRAY['pg_class']::name[]", ["pg_class"]),
    (f"ARRAY['{UUID}']::uuid[]", [UUID]),
    ("ARRAY['\\x00ff']::bytea[]", ["AP8="]),
    ("ARRAY['{\"a\": 1}', '[]']::jsonb[]", [{"a": 1}, []]),
    ("ARRAY['{\"a\": 1}']::json[]", [{"a": 1}]),
    ("ARRAY['2024-02-29 12:30:15']::timestamp[]", ["2024-02-29T12:30:15+00:00"]),
    ("ARRAY['2024-02-29 12:30:15+02']::timestamptz[]", ["2024-02-29T10:30:15+00:00"]),
    ("ARRAY['2024-02-29']::date[]", ["2024-02-29"]),
    ("ARRAY['12:30:15']::time[]", ["12:30:15"]),
    ("ARRAY['READER', 'OWNER']::\"Role\"[]", ["READER", "OWNER"]),
    ("ARRAY['so-so']::mood_type[]", ["so-so"]),
    ("ARRAY['10.0.0.1']::inet[]", ["10.0.0.1"]),
    ("ARRAY['1010']::bit(4)[]", ["1010"]),
    ("ARRAY[]::int[]", []),
    ("ARRAY[]::text[]", []),
]


@pytest.mark.parametrize(("expression", "expected"), ARRAYS, ids=[name for name, _ in ARRAYS])
async def test_arrays(db: Prisma, expression: str, expected: object) -> None:
    assert await value_of(db, expression) == expected


@pytest.mark.parametrize(
    "expression",
    ["ARRAY[[1,2],[3,4]]", "ARRAY['1 day'::interval]", "ARRAY['[1,2)'::int4range]", "ARRAY['(1,2)'::point]"],
)
async def test_arrays_that_prisma_has_no_name_for_do_not_break_the_engine(db: Prisma, expression: str) -> None:
    assert await value_of(db, expression) is not None
    assert await value_of(db, "1") == 1


async def test_every_column_of_the_catalogue_can_be_read(db: Prisma) -> None:
    """LiteLLM and people look into the catalogue: names, "char", oids, oid vectors, acl items, node trees."""
    for table in ("pg_class", "pg_type", "pg_attribute", "pg_index", "pg_proc", "pg_constraint", "pg_database"):
        rows = await db.query_raw(f"SELECT * FROM {table} LIMIT 50")
        assert rows, table
    views = ("pg_stat_activity", "pg_settings", "pg_roles", "information_schema.columns", "pg_stats", "pg_locks")
    for view in views:
        assert isinstance(await db.query_raw(f"SELECT * FROM {view} LIMIT 50"), list)


async def test_a_column_of_each_model_type(db: Prisma, sql: Database) -> None:
    """The raw rows of tables with every type, with values and without."""
    for table in ("Types", "Lists", "Natives"):
        sql.run(f'INSERT INTO "{table}" DEFAULT VALUES')
        (row,) = await db.query_raw(f'SELECT * FROM "{table}"')
        columns = sql.run("SELECT column_name FROM information_schema.columns WHERE table_name = %s", table)
        assert set(row) == {column["column_name"] for column in columns}
