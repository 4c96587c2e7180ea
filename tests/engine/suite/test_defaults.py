"""Default values, by Prisma and by the database; @updatedAt."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from tests.engine.suite.client import Prisma
from tests.engine.suite.database import Database

SERVER_CLOCK = timedelta(seconds=5)


async def test_every_default(db: Prisma, sql: Database) -> None:
    record = await db.defaults.create(data={})
    assert str(UUID(record.id)) == record.id
    assert UUID(record.id).version == 4
    assert re.fullmatch(r"c[a-z0-9]{24}", record.cuid_)
    assert UUID(record.db_uuid).version == 4
    assert record.serial >= 1
    for moment in (record.now_, record.db_now, record.touched):
        assert abs(datetime.now(UTC) - moment) < SERVER_CLOCK
    assert record.text == 'it\'s "quoted" \\ and {braced}'
    assert (record.flag, record.huge, record.ratio, record.price) == (True, 2**63 - 1, 0.1, Decimal("12.5"))
    assert (record.role, record.mood, record.json_obj, record.tags) == ("WRITER", "SO_SO", {"a": [1, None]}, ["x", "y"])
    assert record.note is None
    (row,) = sql.run('SELECT text, mood::text, json_obj, tags, huge FROM "Defaults"')
    assert list(row.values()) == [record.text, "so-so", record.json_obj, record.tags, record.huge]


async def test_each_record_gets_its_own(db: Prisma) -> None:
    await db.defaults.create_many(data=[{} for _ in range(200)])
    records = await db.defaults.find_many()
    for field in ("id", "serial", "cuid_", "db_uuid"):
        assert len({getattr(record, field) for record in records}) == 200


async def test_autoincrement_continues(db: Prisma) -> None:
    first, second = await db.category.create(data={"name": "a"}), await db.category.create(data={"name": "b"})
    assert second.id == first.id + 1
    chosen = await db.category.create(data={"id": 10_000_000, "name": "c"})
    assert chosen.id == 10_000_000


async def test_given_values_win(db: Prisma) -> None:
    past = datetime(2001, 2, 3, tzinfo=UTC)
    record = await db.defaults.create(data={"id": "mine", "now_": past, "touched": past, "flag": False, "tags": []})
    assert (record.id, record.now_, record.touched, record.flag, record.tags) == ("mine", past, past, False, [])


async def test_updated_at_is_set_unless_given(db: Prisma) -> None:
    past = datetime(2001, 2, 3, tzinfo=UTC)
    record = await db.defaults.create(data={"touched": past})
    where = {"id": record.id}
    given = await db.defaults.update(where=where, data={"touched": past + SERVER_CLOCK})
    assert given is not None
    assert given.touched == past + SERVER_CLOCK
    touched = await db.defaults.update(where=where, data={"note": "n"})
    assert touched is not None
    assert abs(datetime.now(UTC) - touched.touched) < SERVER_CLOCK
    assert touched.now_ == record.now_
