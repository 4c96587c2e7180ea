"""group_by: keys, aggregates, having, order, pages."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.engine.suite.client import Prisma, errors

PLACES = [("Scotland", "Edinburgh", 250), *[("Denmark", None, 500)] * 3, *[("Denmark", "Copenhagen", 1000)] * 2]
ASCENDING = {"country": "asc"}


@pytest.fixture(autouse=True)
async def profiles(db: Prisma, sql: object) -> None:
    for country, city, views in PLACES:
        profile = {"bio": "b", "country": country, "city": city, "views": views}
        await db.user.create(data={"name": "n", "profile": {"create": profile}})


async def test_one_key_and_two(db: Prisma) -> None:
    assert await db.profile.group_by(["country"], order=ASCENDING) == [{"country": "Denmark"}, {"country": "Scotland"}]
    both = await db.profile.group_by(["country", "city"], order=[ASCENDING, {"city": "asc"}])
    assert both == [
        {"country": "Denmark", "city": "Copenhagen"},
        {"country": "Denmark", "city": None},
        {"country": "Scotland", "city": "Edinburgh"},
    ]
    assert len(await db.profile.group_by(["country"])) == 2


@pytest.mark.parametrize(
    ("arguments", "denmark", "scotland"),
    [
        ({"count": True}, {"_count": {"_all": 5}}, {"_count": {"_all": 1}}),
        (
            {"count": {"_all": True, "city": True}},
            {"_count": {"_all": 5, "city": 2}},
            {"_count": {"_all": 1, "city": 1}},
        ),
        ({"sum": {"views": True}}, {"_sum": {"views": 3500}}, {"_sum": {"views": 250}}),
        ({"avg": {"views": True}}, {"_avg": {"views": 700}}, {"_avg": {"views": 250}}),
        ({"min": {"views": True}}, {"_min": {"views": 500}}, {"_min": {"views": 250}}),
        (
            {"max": {"views": True, "city": True}},
            {"_max": {"views": 1000, "city": "Copenhagen"}},
            {"_max": {"views": 250, "city": "Edinburgh"}},
        ),
    ],
)
async def test_aggregates(
    db: Prisma, arguments: dict[str, object], denmark: dict[str, object], scotland: dict[str, object]
) -> None:
    found = await db.profile.group_by(["country"], order=ASCENDING, **arguments)
    assert found == [{"country": "Denmark"} | denmark, {"country": "Scotland"} | scotland]


async def test_all_aggregates_at_once(db: Prisma) -> None:
    views = {"views": True}
    (found,) = await db.profile.group_by(
        ["country"], where={"city": None}, count=True, sum=views, avg=views, min=views, max=views
    )
    assert found == {
        "country": "Denmark",
        "_count": {"_all": 3},
        "_sum": {"views": 1500},
        "_avg": {"views": 500},
        "_min": {"views": 500},
        "_max": {"views": 500},
    }


@pytest.mark.parametrize(
    ("having", "expected"),
    [
        ({"views": {"_avg": {"gt": 600}}}, ["Denmark"]),
        ({"views": {"_avg": {"lt": 600}}}, ["Scotland"]),
        ({"views": {"_sum": {"equals": 250}}}, ["Scotland"]),
        ({"views": {"_count": {"gte": 5}}}, ["Denmark"]),
        ({"views": {"_min": {"in": [250, 500]}}}, ["Denmark", "Scotland"]),
        ({"city": {"_max": {"contains": "burgh"}}}, ["Scotland"]),
        ({"country": {"startswith": "D"}}, ["Denmark"]),
        ({"OR": [{"views": {"_avg": {"equals": 700}}}, {"views": {"_sum": {"equals": 250}}}]}, ["Denmark", "Scotland"]),
        ({"views": {"_sum": {"gt": 0}}, "NOT": [{"views": {"_min": {"equals": 250}}}]}, ["Denmark"]),
        ({"AND": [{"country": "Denmark"}, {"views": {"_max": {"lt": 1000}}}]}, []),
    ],
)
async def test_having(db: Prisma, having: dict[str, object], expected: list[str]) -> None:
    found = await db.profile.group_by(["country"], having=having, order=ASCENDING)
    assert [group["country"] for group in found] == expected


async def test_where_order_and_pages(db: Prisma) -> None:
    async def countries(**arguments: object) -> list[object]:
        return [group["country"] for group in await db.profile.group_by(["country"], **arguments)]

    assert await countries(where={"city": {"not": None}}, order=ASCENDING) == ["Denmark", "Scotland"]
    assert await countries(order={"country": "desc"}) == ["Scotland", "Denmark"]
    assert await countries(order=ASCENDING, take=1) == ["Denmark"]
    assert await countries(order=ASCENDING, skip=1) == ["Scotland"]
    assert await countries(order={"_sum": {"views": "asc"}}) == ["Scotland", "Denmark"]
    assert await countries(order={"_count": {"country": "desc"}}, take=1) == ["Denmark"]


async def test_every_type_as_key_and_aggregate(db: Prisma) -> None:
    for number in range(1, 4):
        data = {"bigint": 2**53 + number, "float_": number / 4, "decimal_": Decimal("0.1") * number}
        await db.types.create(data=data | {"flag": True, "mood": "SO_SO", "opt_integer": None})
    numbers = {"bigint": True, "float_": True, "decimal_": True, "opt_integer": True}
    keys = ["flag", "mood", "opt_integer"]
    (found,) = await db.types.group_by(
        keys, sum=numbers, avg=numbers, min=numbers | {"moment": True}, max={"string": True}
    )
    assert [found[key] for key in keys] == [True, "SO_SO", None]
    # The client leaves results of aggregates as the engine sends them: strings where JSON's numbers are too small.
    assert found["_sum"] == {"bigint": str(3 * 2**53 + 6), "float_": 1.5, "decimal_": "0.6", "opt_integer": None}
    assert (found["_avg"]["decimal_"], found["_avg"]["float_"]) == ("0.2", 0.5)
    assert found["_min"]["bigint"] == str(2**53 + 1)
    assert found["_max"]["string"] == "plain"
    assert found["_min"]["moment"].startswith("20")


async def test_what_it_refuses(db: Prisma) -> None:
    with pytest.raises(errors.InputError, match="Missing fields: country"):
        await db.profile.group_by(["city"], order=ASCENDING)
    with pytest.raises(errors.InputError, match="Missing fields: views"):
        await db.profile.group_by(["country"], having={"views": {"gt": 50}})
    with pytest.raises(errors.DataError):
        await db.profile.group_by(["country", "city"], order={"country": "asc", "city": "asc"})
    with pytest.raises(TypeError, match="order"):
        await db.profile.group_by(["country"], take=1)
