"""Fields with native types of PostgreSQL (@db.*)."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from tests.engine.suite.client import Json, Prisma, errors
from tests.engine.suite.database import Database

UUID = "0b8e2f6a-2f63-4c4b-9a57-5f8f6f0f4a11"
DAY = datetime(2024, 2, 29, tzinfo=UTC)
STAMP = datetime(2024, 2, 29, 12, 30, 15, 123000, tzinfo=UTC)
CLOCK = datetime(1970, 1, 1, 13, 14, 15, 16000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("field", "value", "read", "stored"),
    [
        ("char_", "ab", "ab      ", "ab"),
        ("varchar_", "twelve chars", "twelve chars", "twelve chars"),
        ("uuid_", UUID, UUID, UUID),
        ("inet_", "10.1.2.3", "10.1.2.3", "10.1.2.3/32"),
        ("bit_", "1010", "1010", "1010"),
        ("varbit_", "110", "110", "110"),
        ("xml_", "<a b='c'>d</a>", "<a b='c'>d</a>", "<a b='c'>d</a>"),
        ("citext_", "MiXed", "MiXed", "MiXed"),
        ("small_", -32768, -32768, "-32768"),
        ("oid_", 2**31 - 1, 2**31 - 1, "2147483647"),
        ("real_", 0.25, 0.25, "0.25"),
        ("numeric_", Decimal("12345678.1234"), Decimal("12345678.1234"), "12345678.1234"),
        ("money_", Decimal("12.34"), Decimal("12.34"), "$12.34"),
        ("stamp_", STAMP, STAMP, "2024-02-29 12:30:15.123"),
        ("stamptz_", STAMP.astimezone(timezone(timedelta(hours=-3))), STAMP, "2024-02-29 12:30:15.123+00"),
        ("date_", DAY, DAY, "2024-02-29"),
        ("time_", CLOCK, CLOCK, "13:14:15.016"),
        ("timetz_", CLOCK, CLOCK, "13:14:15.016+00"),
        ("json_", Json({"b": 1, "a": [2.5, None]}), {"b": 1, "a": [2.5, None]}, None),
        ("uuids", [UUID, UUID], [UUID, UUID], f"{{{UUID},{UUID}}}"),
        ("stamptzs", [STAMP], [STAMP], '{"2024-02-29 12:30:15.123+00"}'),
    ],
)
async def test_round_trip(db: Prisma, sql: Database, field: str, value: Any, read: object, stored: str | None) -> None:
    made = await db.natives.create(data={field: value})
    found = await db.natives.find_unique_or_raise(where={"id": made.id})
    assert getattr(made, field) == getattr(found, field) == read
    sql.run("SET TIME ZONE 'UTC'; SET lc_monetary = 'C'")
    if stored is not None:
        text = sql.value(f'SELECT {field}::text FROM "Natives"')
        assert text.replace("$", "") == stored.replace("$", "")
    assert await db.natives.count() == 1


@pytest.mark.parametrize(
    ("field", "where"),
    [
        ("uuid_", UUID),
        ("uuid_", {"in": [UUID]}),
        ("inet_", "10.1.2.3"),
        ("bit_", "1010"),
        ("varbit_", {"not": "111"}),
        ("citext_", "mixed"),
        ("varchar_", {"startswith": "tw"}),
        ("char_", {"equals": "ab"}),
        ("small_", {"lt": 0}),
        ("oid_", {"gt": 5}),
        ("real_", 0.25),
        ("numeric_", {"gt": Decimal("0.5")}),
        ("money_", Decimal("12.34")),
        ("stamp_", STAMP),
        ("stamptz_", {"lte": STAMP}),
        ("date_", DAY),
        ("date_", {"gte": DAY - timedelta(days=1)}),
        ("time_", CLOCK),
        ("timetz_", {"gte": CLOCK}),
        ("uuids", {"has": UUID}),
    ],
)
async def test_filters(db: Prisma, field: str, where: object) -> None:
    data = {
        "char_": "ab", "varchar_": "twelve", "uuid_": UUID, "inet_": "10.1.2.3", "bit_": "1010", "varbit_": "110",
        "citext_": "MiXed", "small_": -1, "oid_": 7, "real_": 0.25, "numeric_": Decimal(1), "money_": Decimal("12.34"),
        "stamp_": STAMP, "stamptz_": STAMP, "date_": DAY, "time_": CLOCK, "timetz_": CLOCK, "uuids": [UUID],
    }  # fmt: skip
    await db.natives.create(data=data)
    await db.natives.create(data={})
    assert await db.natives.count(where={field: where}) == 1


async def test_microseconds_of_the_database_are_read_as_milliseconds(db: Prisma, sql: Database) -> None:
    """Prisma's DateTime has milliseconds."""
    sql.run("SET TIME ZONE 'UTC'")
    sql.run(
        'INSERT INTO "Natives" (stamp_, stamptz_, time_) VALUES (%s, %s, %s)',
        "2024-01-02 03:04:05.678901", "2024-01-02 03:04:05.678901+02", "03:04:05.678901",
    )  # fmt: skip
    (found,) = await db.natives.find_many()
    assert found.stamp_ == datetime(2024, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)
    assert found.stamptz_ == datetime(2024, 1, 2, 1, 4, 5, 678000, tzinfo=UTC)
    assert found.time_ == datetime(1970, 1, 1, 3, 4, 5, 678000, tzinfo=UTC)


async def test_old_and_far_dates(db: Prisma, sql: Database) -> None:
    for day in (date(1, 1, 1), date(1900, 3, 1), date(9999, 12, 31)):
        sql.run('DELETE FROM "Natives"; INSERT INTO "Natives" (date_) VALUES (\'' + day.isoformat() + "')")
        (found,) = await db.natives.find_many()
        assert found.date_ == datetime.combine(day, time(), tzinfo=UTC)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("varchar_", "thirteen chars"),
        ("uuid_", "no uuid"),
        ("inet_", "no address"),
        ("bit_", "10"),
        ("small_", 32768),
        ("numeric_", Decimal("123456789.1")),
        ("xml_", "<a>"),
    ],
)
async def test_values_that_do_not_fit_are_errors_of_that_query(db: Prisma, field: str, value: object) -> None:
    with pytest.raises(errors.PrismaError):
        await db.natives.create(data={field: value})
    assert await db.natives.count() == 0


async def test_rounding_is_the_databases(db: Prisma, sql: Database) -> None:
    await db.natives.create(data={"numeric_": Decimal("1.23456"), "real_": 0.1})
    assert sql.value('SELECT numeric_::text FROM "Natives"') == "1.2346"
    assert sql.value('SELECT real_ = 0.1::real FROM "Natives"')
