"""Filters of every scalar type, and their combinations."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from tests.engine.suite.client import Base64, Json, Prisma

START = datetime(2024, 2, 29, 12, 30, 15, 123000, tzinfo=UTC)
Where = dict[str, object]


@pytest.fixture
async def rows(db: Prisma, sql: object) -> None:
    """Rows a to e: numbers 1 to 5 in every type, optional fields null in a and b."""
    for number, label in enumerate("abcde", start=1):
        data = {
            "label": label,
            "string": ("apple", "Banana", "cherry pie", "100%_sure", "Éclair")[number - 1],
            "flag": number > 3,
            "integer": number,
            "bigint": 2**60 + number,
            "float_": number + 0.5,
            "decimal_": Decimal(number) / 8,
            "moment": START + timedelta(hours=number),
            "bytes": Base64.encode(bytes([0, number])),
            "json_obj": Json({"n": number, "deep": [number, {"x": None}]}),
            "mood": "SO_SO" if number % 2 else "CALM",
        }
        if number > 2:
            data |= {
                "opt_string": f"o{number}",
                "opt_flag": True,
                "opt_integer": number,
                "opt_bigint": number,
                "opt_float": number,
                "opt_decimal": Decimal(number),
                "opt_moment": START,
                "opt_bytes": Base64.encode(b"o"),
                "opt_json": Json([number]),
                "opt_mood": "CALM",
            }
        await db.types.create(data=data)


async def labels(db: Prisma, where: Where) -> str:
    found = await db.types.find_many(where=where, order={"label": "asc"})
    assert await db.types.count(where=where) == len(found)
    return "".join(row.label for row in found)


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize(
    ("string", "expected"),
    [
        ("apple", "a"),
        ({"equals": "Banana"}, "b"),
        ({"not": "apple"}, "bcde"),
        ({"in": ["apple", "Éclair", "none"]}, "ae"),
        ({"in": []}, ""),
        ({"not_in": ["apple", "Éclair"]}, "bcd"),
        ({"not_in": []}, "abcde"),
        ({"contains": "an"}, "b"),
        # Prisma 5 hands the value to LIKE as it is: _ and % stand for any character and any text.
        ({"contains": "100__su"}, "d"),
        ({"equals": "100%_sure"}, "d"),
        ({"contains": ""}, "abcde"),
        ({"startswith": "ch"}, "c"),
        ({"endswith": "pie"}, "c"),
        ({"contains": "AN"}, ""),
        ({"contains": "AN", "mode": "insensitive"}, "b"),
        ({"equals": "BANANA", "mode": "insensitive"}, "b"),
        ({"in": ["APPLE", "banana"], "mode": "insensitive"}, "ab"),
        ({"not_in": ["APPLE", "banana"], "mode": "insensitive"}, "cde"),
        ({"startswith": "éC", "mode": "insensitive"}, "e"),
        ({"endswith": "PIE", "mode": "insensitive"}, "c"),
        ({"not": {"contains": "A"}, "mode": "insensitive"}, "cd"),
        ({"not": {"contains": "e"}}, "be"),
        ({"not": {"not": {"contains": "rr"}}}, "c"),
        ({"contains": "e", "startswith": "a", "not": {"endswith": "x"}}, "a"),
    ],
)
async def test_strings(db: Prisma, string: object, expected: str) -> None:
    assert await labels(db, {"string": string}) == expected


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ({"gt": "b"}, "cde"),
        ({"gte": "b"}, "bcde"),
        ({"lt": "b"}, "a"),
        ({"lte": "b"}, "ab"),
        ({"gt": "a", "lt": "d", "not": "c"}, "b"),
    ],
)
async def test_the_order_of_strings(db: Prisma, label: object, expected: str) -> None:
    assert await labels(db, {"label": label}) == expected


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize("field", ["integer", "bigint", "float_", "decimal_", "moment"])
@pytest.mark.parametrize(
    ("operators", "expected"),
    [
        ({"": 2}, "b"),
        ({"equals": 2}, "b"),
        ({"not": 2}, "acde"),
        ({"in": [1, 5]}, "ae"),
        ({"in": []}, ""),
        ({"not_in": [1, 5]}, "bcd"),
        ({"lt": 2}, "a"),
        ({"lte": 2}, "ab"),
        ({"gt": 4}, "e"),
        ({"gte": 4}, "de"),
        ({"gt": 1, "lt": 5}, "bcd"),
        ({"gt": 1, "lt": 5, "not": 3}, "bd"),
        ({"not": {"in": [1, 2, 3]}}, "de"),
        ({"not": {"gt": 2}}, "ab"),
        ({"not": {"equals": 2}}, "acde"),
    ],
)
async def test_ordered_types(db: Prisma, field: str, operators: Where, expected: str) -> None:
    def value(number: int) -> object:
        return {
            "integer": number,
            "bigint": 2**60 + number,
            "float_": number + 0.5,
            "decimal_": Decimal(number) / 8,
            "moment": START + timedelta(hours=number),
        }[field]

    def filled(part: object) -> object:
        if isinstance(part, dict):
            return {name: filled(inner) for name, inner in part.items()}
        return [value(number) for number in part] if isinstance(part, list) else value(int(str(part)))

    where = filled(operators)
    assert isinstance(where, dict)
    assert await labels(db, {field: where.get("", where)}) == expected


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ({"flag": True}, "de"),
        ({"flag": {"equals": False}}, "abc"),
        ({"flag": {"not": True}}, "abc"),
        ({"flag": {"not": {"equals": True}}}, "abc"),
        ({"mood": "SO_SO"}, "ace"),
        ({"mood": {"equals": "CALM"}}, "bd"),
        ({"mood": {"not": "SO_SO"}}, "bd"),
        ({"mood": {"in": ["SO_SO", "CALM"]}}, "abcde"),
        ({"mood": {"not_in": ["CALM"]}}, "ace"),
        ({"bytes": Base64.encode(b"\x00\x02")}, "b"),
        ({"bytes": {"equals": Base64.encode(b"\x00\x02")}}, "b"),
        ({"bytes": {"not": Base64.encode(b"\x00\x02")}}, "acde"),
        ({"bytes": {"in": [Base64.encode(b"\x00\x01"), Base64.encode(b"x")]}}, "a"),
        ({"bytes": {"not_in": [Base64.encode(b"\x00\x01")]}}, "bcde"),
        ({"json_obj": {"equals": Json({"deep": [3, {"x": None}], "n": 3})}}, "c"),
        ({"json_obj": {"equals": Json({"n": 3})}}, ""),
        ({"json_obj": {"not": Json({"n": 3, "deep": [3, {"x": None}]})}}, "abde"),
        ({"opt_json": {"equals": Json([3])}}, "c"),
    ],
)
async def test_other_types(db: Prisma, where: Where, expected: str) -> None:
    assert await labels(db, where) == expected


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize("kind", ["string", "flag", "integer", "bigint", "float", "decimal", "moment", "bytes", "mood"])
async def test_null(db: Prisma, kind: str) -> None:
    field = f"opt_{kind}"
    assert await labels(db, {field: None}) == "ab"
    assert await labels(db, {field: {"equals": None}}) == "ab"
    assert await labels(db, {field: {"not": None}}) == "cde"
    assert await labels(db, {"NOT": [{field: None}]}) == "cde"


@pytest.mark.usefixtures("rows")
async def test_a_negation_leaves_nulls_out(db: Prisma) -> None:
    assert await labels(db, {"opt_integer": {"not": 3}}) == "de"
    assert await labels(db, {"opt_integer": {"not_in": [3]}}) == "de"
    assert await labels(db, {"OR": [{"opt_integer": {"not": 3}}, {"opt_integer": None}]}) == "abde"


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ({}, "abcde"),
        ({"AND": []}, "abcde"),
        ({"OR": []}, ""),
        ({"NOT": []}, "abcde"),
        ({"AND": [{"integer": {"gt": 1}}, {"integer": {"lt": 4}}]}, "bc"),
        ({"AND": {"integer": 1}}, "a"),
        ({"OR": [{"integer": 1}, {"string": "Banana"}]}, "ab"),
        ({"NOT": [{"integer": 1}]}, "bcde"),
        ({"NOT": [{"integer": {"gt": 1}}, {"flag": True}]}, "a"),
        ({"NOT": {"integer": 1, "label": "b"}}, "abcde"),
        ({"flag": False, "OR": [{"integer": 1}, {"integer": 5}]}, "a"),
        ({"OR": [{"AND": [{"integer": 1}, {"flag": False}]}, {"NOT": [{"OR": [{"flag": False}]}]}]}, "ade"),
        ({"AND": [{"OR": [{"integer": 1}, {"integer": 2}]}, {"OR": [{"integer": 2}, {"integer": 3}]}]}, "b"),
    ],
)
async def test_combinations(db: Prisma, where: Where, expected: str) -> None:
    assert await labels(db, where) == expected


@pytest.mark.usefixtures("rows")
async def test_time_zones_and_naive_times_are_utc(db: Prisma) -> None:
    moment = START + timedelta(hours=3)
    east = moment.astimezone(timezone(timedelta(hours=14)))
    west = moment.astimezone(timezone(timedelta(hours=-11, minutes=-30)))
    for same in (moment, east, west, moment.replace(tzinfo=None)):
        assert await labels(db, {"moment": same}) == "c"
