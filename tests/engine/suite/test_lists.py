"""Lists of every scalar type: stored, replaced, extended, searched."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.engine.suite.client import Base64, Json, Prisma
from tests.engine.suite.database import Database

DAY = datetime(2024, 1, 1, tzinfo=UTC)
# Three values of each type as the client sends them; Json compares by what it holds.
VALUES: dict[str, Sequence[Any]] = {
    "strings": ["a", 'b "quoted", {c}', "NULL"],
    "flags": [True, False, True],
    "ints": [1, -2, 2**31 - 1],
    "bigints": [1, -(2**63), 2**63 - 1],
    "floats": [0.5, -1e300, 3.0],
    "decimals": [Decimal("0.1"), Decimal("-12.5"), Decimal("1000000000000.000001")],
    "moments": [DAY, DAY + timedelta(milliseconds=1), DAY + timedelta(days=400)],
    "bytes": [Base64.encode(b"\x00\xff"), Base64.encode(b""), Base64.encode(b"x")],
    "jsons": [Json({"a": [1, None]}), Json("text"), Json([])],
    "moods": ["CALM", "SO_SO", "CALM"],
}
FIELDS = sorted(VALUES)


def plain(values: Sequence[Any]) -> list[Any]:
    return [value.data if isinstance(value, Json) else value for value in values]


@pytest.mark.parametrize("field", FIELDS)
async def test_stored_and_read(db: Prisma, sql: Database, field: str) -> None:
    record = await db.lists.create(data={field: list(VALUES[field])})
    assert getattr(record, field) == plain(VALUES[field])
    assert sql.value(f'SELECT array_length({field}, 1) FROM "Lists"') == 3
    found = await db.lists.find_unique_or_raise(where={"id": record.id})
    assert getattr(found, field) == plain(VALUES[field])


async def test_what_is_stored_is_what_was_sent(db: Prisma, sql: Database) -> None:
    await db.lists.create(data={field: list(VALUES[field]) for field in FIELDS})
    (row,) = sql.run('SELECT *, moods::text[] AS moods, bytes FROM "Lists"')
    assert row["strings"] == VALUES["strings"]
    assert row["bytes"] == [b"\x00\xff", b"", b"x"]
    assert row["jsons"] == [{"a": [1, None]}, "text", []]
    assert row["decimals"] == VALUES["decimals"]
    assert row["bigints"] == VALUES["bigints"]
    assert row["moments"] == [moment.replace(tzinfo=None) for moment in VALUES["moments"]]
    assert row["moods"] == ["CALM", "so-so", "CALM"]


@pytest.mark.parametrize("field", FIELDS)
async def test_set_and_push(db: Prisma, field: str) -> None:
    one, two, three = VALUES[field]
    empty = await db.lists.create(data={})
    assert getattr(empty, field) == []

    async def update(data: object) -> list[Any]:
        changed = await db.lists.update(where={"id": empty.id}, data={field: data})
        assert changed is not None
        return list(getattr(changed, field))

    assert await update({"push": [one]}) == plain([one])
    assert await update({"push": [two, three]}) == plain([one, two, three])
    assert await update({"set": [three, one]}) == plain([three, one])
    assert await update([two]) == plain([two])
    assert await update({"set": []}) == []


@pytest.mark.parametrize("field", FIELDS)
async def test_filters(db: Prisma, field: str) -> None:
    one, two, _ = VALUES[field]
    await db.lists.create(data={"id": 1})
    await db.lists.create(data={"id": 2, field: []})
    await db.lists.create(data={"id": 3, field: [one]})
    await db.lists.create(data={"id": 4, field: [one, two]})

    async def ids(where: object) -> list[int]:
        return [row.id for row in await db.lists.find_many(where={field: where}, order={"id": "asc"})]

    assert await ids({"equals": [one, two]}) == [4]
    assert await ids({"equals": [two, one]}) == []
    assert await ids({"equals": None}) == [1]
    assert await ids({"has": one}) == [3, 4]
    assert await ids({"has": two}) == [4]
    assert await ids({"has_every": [two, one]}) == [4]
    assert await ids({"has_some": [two]}) == [4]
    assert await ids({"has_some": [one, two]}) == [3, 4]
    assert await ids({"is_empty": True}) == [2]
    assert await ids({"is_empty": False}) == [3, 4]


async def test_create_many_with_lists(db: Prisma) -> None:
    assert await db.lists.create_many(data=[{"ints": [1, 2]}, {"ints": [], "strings": ["x"]}]) == 2
    found = await db.lists.find_many(order={"id": "asc"})
    assert [(row.ints, row.strings) for row in found] == [([1, 2], []), ([], ["x"])]


async def test_a_thousand_items(db: Prisma) -> None:
    items = list(range(1000))
    record = await db.lists.create(data={"ints": items, "strings": [str(item) for item in items]})
    assert (record.ints, record.strings[-1]) == (items, "999")
