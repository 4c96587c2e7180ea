"""Values of every scalar type arrive in the database as sent, and come back the same."""

from __future__ import annotations

import contextlib
import json
import math
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from tests.engine.suite.client import Base64, Json, Prisma, errors
from tests.engine.suite.database import Database, replaced
from tests.engine.suite.engines import connected


async def round_trip(db: Prisma, **data: object) -> Any:
    """The record as another query reads it; what `create` answers must be equal."""
    made = await db.types.create(data=data)
    found = await db.types.find_unique_or_raise(where={"id": made.id})
    assert made == found
    return found


@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        "it's",
        '"double" and \\ back\\\\slashes \\n',
        "line\nfeed\r\ttab",
        "$1 %s ? {} {{}} #{} \\u0041",
        "Ünïcödé שלום 日本語",
        "emoji 👩🏽‍🚀 🇵🇱",
        "\ufeff \u200b",
        "control \x01\x1f\x7f",
        "\U0010fffd",
        "--'; DROP TABLE x;/* */",
        "null",
        "2024-01-01T00:00:00Z",
        '{"$type": "BigInt", "value": "1"}',
    ],
    ids=lambda value: ascii(value)[:24],
)
async def test_strings(db: Prisma, sql: Database, value: str) -> None:
    record = await round_trip(db, string=value, opt_string=value)
    assert (record.string, record.opt_string) == (value, value)
    assert sql.value('SELECT string FROM "Types"') == value
    assert await db.types.count(where={"string": value}) == 1
    (raw,) = await db.query_raw("SELECT $1::text AS text", value)
    assert raw["text"] == value


async def test_a_nul_character_is_refused(db: Prisma) -> None:
    """PostgreSQL has no NUL in text."""
    with pytest.raises(errors.PrismaError):
        await db.types.create(data={"string": "a\x00b"})
    assert await db.types.count() == 0


async def test_a_role_cannot_change_what_values_look_like(url: str, sql: Database) -> None:
    settings = ("extra_float_digits = 0", "bytea_output = 'escape'", "DateStyle = 'German'", "TimeZone = 'Asia/Tokyo'")
    sql.run("DROP ROLE IF EXISTS odd; CREATE ROLE odd SUPERUSER LOGIN PASSWORD 'odd'")
    try:
        for setting in settings:
            sql.run(f"ALTER ROLE odd SET {setting}")
        async with connected(replaced(url, user="odd", password="odd")) as client:
            moment = datetime(2026, 11, 21, 12, 30, tzinfo=UTC)
            data = {"float_": 123456789.1234567, "bytes": Base64.encode(b"\x00\\\xff"), "moment": moment}
            record = await round_trip(client, **data)
            assert (record.float_, record.bytes, record.moment) == tuple(data.values())
    finally:
        sql.run("DROP ROLE odd")


async def test_a_string_of_four_million_characters(db: Prisma, sql: Database) -> None:
    value = "0123456789abcdé\n" * 250_000
    record = await round_trip(db, string=value)
    assert record.string == value
    assert sql.value('SELECT md5(string) = md5(%s) FROM "Types"', value)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("integer", 2**31 - 1),
        ("integer", -(2**31)),
        ("bigint", 2**63 - 1),
        ("bigint", -(2**63)),
        ("bigint", 2**53 + 1),
        # Prisma's Float has 16 significant digits.
        ("float_", 0.1),
        ("float_", 1.797693134862315e308),
        ("float_", 5e-324),
        ("float_", -1.5e-7),
        ("float_", 1e21),
        ("float_", 123456789.1234567),
        ("float_", 7),
        ("flag", True),
        ("decimal_", Decimal("0.1")),
        ("decimal_", Decimal("1E-30")),
        ("decimal_", Decimal("-99999999999999999999999999999999999.999999999999999999999999999999")),
        ("decimal_", Decimal("12345678901234567890.123456789")),
        ("decimal_", Decimal("1E+20")),
        ("decimal_", Decimal(0)),
        ("mood", "SO_SO"),
    ],
)
async def test_numbers_and_enums(db: Prisma, sql: Database, field: str, value: object) -> None:
    record = await round_trip(db, **{field: value})
    assert getattr(record, field) == value
    stored = sql.value(f'SELECT {field} FROM "Types"')
    assert stored == ("so-so" if field == "mood" else value)
    assert await db.types.count(where={field: value}) == 1


async def test_a_decimal_of_a_division(db: Prisma) -> None:
    value = Decimal(1) / Decimal(7)
    record = await round_trip(db, decimal_=value)
    assert str(record.decimal_) == str(value)


@pytest.mark.parametrize(("field", "value"), [("integer", 2**31), ("integer", -(2**31) - 1), ("bigint", 2**63)])
async def test_numbers_that_do_not_fit(db: Prisma, field: str, value: int) -> None:
    with pytest.raises(errors.PrismaError):
        await db.types.create(data={field: value})
    assert await db.types.count() == 0


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2024, 2, 29, 23, 59, 59, 999000, tzinfo=UTC),
        datetime(1969, 12, 31, 23, 59, 59, 1000, tzinfo=UTC),
        datetime(1, 1, 1, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, 59, 999000, tzinfo=UTC),
        datetime(1582, 10, 10, 1, 2, 3, tzinfo=UTC),
        datetime(2024, 3, 31, 2, 30, tzinfo=timezone(timedelta(hours=5, minutes=45))),
        datetime(2024, 7, 1, 12, 0, tzinfo=timezone(timedelta(hours=-12))),
    ],
    ids=str,
)
async def test_moments(db: Prisma, sql: Database, moment: datetime) -> None:
    record = await round_trip(db, moment=moment)
    assert record.moment == moment
    assert record.moment.tzinfo is not None
    assert sql.value('SELECT moment FROM "Types"') == moment.astimezone(UTC).replace(tzinfo=None)
    assert await db.types.count(where={"moment": moment}) == 1


async def test_moments_are_cut_to_milliseconds_and_naive_ones_are_utc(db: Prisma) -> None:
    naive = datetime(2024, 5, 6, 7, 8, 9, 123999)
    record = await round_trip(db, moment=naive)
    assert record.moment == datetime(2024, 5, 6, 7, 8, 9, 123000, tzinfo=UTC)
    assert await db.types.count(where={"moment": naive}) == 1


async def test_the_databases_time_zone_changes_no_moment(db: Prisma, sql: Database) -> None:
    moment = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)
    async with db.tx() as tx:
        await tx.execute_raw("SET LOCAL TIME ZONE 'Asia/Kathmandu'")
        record = await tx.types.create(data={"moment": moment})
        native = await tx.natives.create(data={"stamptz_": moment})
        assert (record.moment, native.stamptz_) == (moment, moment)
    assert sql.value('SELECT moment FROM "Types"') == moment.replace(tzinfo=None)
    assert sql.value('SELECT stamptz_ FROM "Natives"') == moment


async def test_infinite_moments_do_not_break_the_engine(db: Prisma, sql: Database) -> None:
    """Prisma has no such moment: an error, or a value, but only for that query."""
    sql.run("INSERT INTO \"Types\" (moment) VALUES ('infinity')")
    for attempt in (db.types.find_first(), db.query_raw('SELECT moment FROM "Types"')):
        # ValueError: the client's models cannot hold it either.
        with contextlib.suppress(errors.DataError, ValueError):
            await attempt
    assert await db.types.count() == 1
    (raw,) = await db.query_raw('SELECT moment::text AS moment FROM "Types"')
    assert raw["moment"] == "infinity"


@pytest.mark.parametrize("value", [b"", b"a", bytes(range(256)), b"\x00" * 3, b"\xff\xfe"], ids=lambda v: str(len(v)))
async def test_bytes(db: Prisma, sql: Database, value: bytes) -> None:
    record = await round_trip(db, bytes=Base64.encode(value), opt_bytes=Base64.encode(value))
    assert record.bytes.decode() == value
    assert sql.value('SELECT opt_bytes FROM "Types"') == value
    assert await db.types.count(where={"bytes": Base64.encode(value)}) == 1


async def test_a_megabyte_of_bytes(db: Prisma, sql: Database) -> None:
    value = bytes(range(256)) * 4096
    record = await round_trip(db, bytes=Base64.encode(value))
    assert record.bytes.decode() == value
    assert sql.value('SELECT length(bytes) FROM "Types"') == len(value)


JSONS = [
    {},
    [],
    "text",
    "",
    'quote " backslash \\ newline \n',
    0,
    -1,
    1.5,
    True,
    False,
    {"a": None, "b": [1, "two", {"c": [[]]}]},
    {"": 1, "key with spaces": 2, 'q"q': 3, "k\\k": 4, "ключ": "🔑"},
    {"$type": "Json", "value": "{}"},
    {"$type": "DateTime", "value": "2024-01-01"},
    {"prisma__type": "bigint", "prisma__value": "1"},
    {"__proto__": {"x": 1}, "constructor": 2, "toString": 3},
    "2024-01-01T00:00:00Z",
    "12345",
    "null",
    "{}",
    [2**53 + 1, -(2**63), 2**63 - 1],
    [1e22, 1e-7, 19.3273823],
    [[[[[[[[[[1]]]]]]]]]],
]


@pytest.mark.parametrize("value", JSONS, ids=lambda value: json.dumps(value)[:32])
async def test_json(db: Prisma, sql: Database, value: Any) -> None:
    record = await round_trip(db, json_obj=Json(value), opt_json=Json(value))
    assert (record.json_obj, record.opt_json) == (value, value)
    stored = json.loads(sql.value('SELECT json_obj::text FROM "Types"'))
    assert stored == value
    assert await db.types.count(where={"json_obj": {"equals": Json(value)}}) == 1
    await db.types.update_many(where={}, data={"json_obj": Json([value])})
    assert json.loads(sql.value('SELECT json_obj::text FROM "Types"')) == [value]


async def test_json_null_is_not_a_database_null(db: Prisma, sql: Database) -> None:
    record = await round_trip(db, json_obj=Json(None), label="json null")
    assert record.json_obj is None
    assert sql.value('SELECT json_obj::text FROM "Types"') == "null"
    assert sql.value('SELECT opt_json IS NULL FROM "Types"')


async def test_json_keys_that_are_no_strings(db: Prisma) -> None:
    keys: dict[Any, Any] = {None: "n", True: 2, 7: 3, 3.25: [1]}
    record = await round_trip(db, json_obj=Json(keys))
    assert record.json_obj == {"null": "n", "true": 2, "7": 3, "3.25": [1]}
    assert (await round_trip(db, json_obj=Json.keys(a=1))).json_obj == {"a": 1}


async def test_a_large_json_document(db: Prisma, sql: Database) -> None:
    value = {f"key {number}": [number, str(number) * 20, {"n": None}] for number in range(20_000)}
    record = await round_trip(db, json_obj=Json(value))
    assert record.json_obj == value
    assert sql.value('SELECT count(*) FROM "Types", jsonb_object_keys(json_obj)') == 20_000


async def test_every_optional_field_can_be_null(db: Prisma, sql: Database) -> None:
    names = ["string", "flag", "integer", "bigint", "float", "decimal", "moment", "bytes", "mood"]
    record = await round_trip(db, **{f"opt_{name}": None for name in names})
    assert {getattr(record, f"opt_{name}") for name in names} == {None}
    assert sql.value('SELECT num_nonnulls(opt_string, opt_flag, opt_decimal, opt_moment, opt_mood) FROM "Types"') == 0
    assert record.opt_json is None


async def test_wrong_types_are_refused_by_name(db: Prisma) -> None:
    for field, value in (("string", 5), ("flag", "yes"), ("integer", "5"), ("moment", "tomorrow"), ("mood", "ANGRY")):
        with pytest.raises(errors.DataError, match=field):
            await db.types.create(data={field: value})
    assert await db.types.count() == 0


async def test_numbers_widen(db: Prisma) -> None:
    record = await round_trip(db, float_=3, decimal_=4, bigint=5)
    assert (record.float_, record.decimal_, record.bigint) == (3.0, Decimal(4), 5)
    assert not math.isnan(record.float_)
    assert date(2024, 1, 1) < record.moment.date()
