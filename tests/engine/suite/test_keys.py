"""Compound ids, compound unique keys, names that differ from the database's, unsupported types."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.engine.suite.client import Prisma, errors
from tests.engine.suite.database import Database

DAY = datetime(2024, 5, 6, tzinfo=UTC)


async def test_a_compound_id(db: Prisma) -> None:
    await db.seat.create_many(data=[{"row": row, "number": number} for row in (1, 2) for number in (1, 2)])
    where = {"row_number": {"row": 1, "number": 2}}
    assert (await db.seat.find_unique_or_raise(where=where)).holder is None
    changed = await db.seat.update(where=where, data={"holder": "Ada"})
    assert changed is not None
    assert changed.holder == "Ada"
    data = {"create": {"row": 9, "number": 9}, "update": {"holder": "Bob"}}
    assert (await db.seat.upsert(where=where, data=data)).holder == "Bob"
    new = {"row_number": {"row": 9, "number": 9}}
    assert (await db.seat.upsert(where=new, data=data)).holder is None
    assert await db.seat.delete(where=where) is not None
    assert await db.seat.find_unique(where=where) is None
    seats = await db.seat.find_many(
        cursor={"row_number": {"row": 2, "number": 1}}, order=[{"row": "asc"}, {"number": "asc"}]
    )
    assert [(seat.row, seat.number) for seat in seats] == [(2, 1), (2, 2), (9, 9)]


async def test_a_compound_id_that_exists_is_an_error(db: Prisma) -> None:
    await db.seat.create(data={"row": 1, "number": 1})
    with pytest.raises(errors.UniqueViolationError) as error:
        await db.seat.create(data={"row": 1, "number": 1})
    assert error.value.meta["target"] == ["row", "number"]


async def test_compound_unique_keys_of_several_types(db: Prisma) -> None:
    made = await db.booking.create(data={"room": "r", "day": DAY, "role": "OWNER", "code": 2**62})
    by_day = {"room_day": {"room": "r", "day": DAY}}
    by_role = {"by_role": {"role": "OWNER", "code": 2**62}}
    assert await db.booking.find_unique(where=by_day) == made
    assert await db.booking.find_unique(where=by_role) == made
    assert await db.booking.find_unique(where={"by_role": {"role": "READER", "code": 2**62}}) is None
    with pytest.raises(errors.UniqueViolationError) as error:
        await db.booking.create(data={"room": "r", "day": DAY, "role": "READER", "code": 1})
    assert error.value.meta["target"] == ["room", "day"]


async def test_mapped_names(db: Prisma, sql: Database) -> None:
    root = await db.renamed.create(
        data={"key": "root", "text": "t", "down": {"create": [{"key": "leaf", "text": "u"}]}}
    )
    assert root.text == "t"
    assert sql.run('SELECT * FROM "renamed table" WHERE "the key" = \'leaf\'') == [
        {"the key": "leaf", "Text Value": "u", "parent_key": "root"}
    ]
    leaf = await db.renamed.find_first_or_raise(where={"up": {"is": {"text": "t"}}}, include={"up": True})
    assert (leaf.key, leaf.parent, leaf.up and leaf.up.key) == ("leaf", "root", "root")
    key = {"text_parent": {"text": "u", "parent": "root"}}
    assert (await db.renamed.find_unique_or_raise(where=key)).key == "leaf"
    groups = await db.renamed.group_by(["parent"], count={"text": True}, order={"parent": "asc"})
    assert groups == [{"parent": "root", "_count": {"text": 1}}, {"parent": None, "_count": {"text": 1}}]
    (raw,) = await db.query_raw('SELECT "the key" AS key FROM "renamed table" WHERE parent_key = $1', "root")
    assert raw == {"key": "leaf"}


async def test_a_mapped_enum(db: Prisma, sql: Database) -> None:
    await db.types.create(data={"mood": "SO_SO"})
    assert sql.value('SELECT mood::text FROM "Types"') == "so-so"
    assert (await db.types.find_first_or_raise(where={"mood": "SO_SO"})).mood == "SO_SO"


async def test_unsupported_fields_stay_out_of_the_way(db: Prisma, sql: Database) -> None:
    made = await db.peculiar.create(data={"title": "t"})
    sql.run("UPDATE \"Peculiar\" SET search = to_tsvector('simple', 'a b'), area = '(1,1),(0,0)'")
    assert await db.peculiar.find_unique(where={"id": made.id}) == made
    changed = await db.peculiar.update(where={"id": made.id}, data={"title": "u"})
    assert changed is not None
    assert "search" not in changed.model_dump()
    assert sql.value('SELECT search::text FROM "Peculiar"') == "'a':1 'b':2"
    (raw,) = await db.query_raw("""SELECT title FROM "Peculiar" WHERE search @@ to_tsquery('simple', $1)""", "a")
    assert raw == {"title": "u"}


async def test_keys_of_native_types(db: Prisma, sql: Database) -> None:
    device = await db.device.create(data={"name": "d"})
    assert device.id == str(sql.value('SELECT id FROM "Device"'))
    moments = [DAY.replace(hour=hour) for hour in range(3)]
    for made in moments:
        await db.part.create(data={"made": made, "device": {"connect": {"id": device.id}}})
    parts = await db.part.find_many(
        where={"device_id": device.id}, cursor={"made": moments[1]}, order={"made": "asc"}, include={"device": True}
    )
    assert [part.made for part in parts] == moments[1:]
    assert all(part.device == device for part in parts)
    found = await db.device.find_many(where={"id": {"in": [device.id, device.id.replace(device.id[0], "f", 1)]}})
    assert found == [device]
    whole = await db.device.find_unique_or_raise(where={"id": device.id}, include={"parts": {"take": 2}})
    assert len(whole.parts or []) == 2
    where = {"id": parts[0].id}
    assert await db.part.update(where=where, data={"device": {"disconnect": True}}) is not None
    assert await db.part.delete(where={"made": moments[2]}) is not None
    data = {"create": {"made": moments[2]}, "update": {"device_id": device.id}}
    assert (await db.part.upsert(where=where, data=data)).device_id == device.id
    with pytest.raises(errors.DataError):
        await db.device.find_unique(where={"id": "no uuid"})
