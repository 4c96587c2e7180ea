"""count and its arguments."""

from __future__ import annotations

import pytest

from tests.engine.suite.client import Prisma


@pytest.fixture(autouse=True)
async def posts(db: Prisma, sql: object) -> None:
    rows = [{"id": str(number), "title": "t", "published": number < 2} for number in range(5)]
    rows[0]["description"] = "d"
    await db.post.create_many(data=rows)


async def test_all(db: Prisma) -> None:
    assert await db.post.count() == 5
    assert await db.user.count() == 0


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"where": {"published": True}}, 2),
        ({"take": 3}, 3),
        ({"skip": 1}, 4),
        ({"take": 10, "skip": 2}, 3),
        ({"take": 1, "where": {"published": True}}, 1),
        ({"cursor": {"id": "3"}}, 2),
        ({"where": {"title": "none"}}, 0),
    ],
)
async def test_arguments(db: Prisma, arguments: dict[str, object], expected: int) -> None:
    assert await db.post.count(**arguments) == expected


async def test_select_counts_what_is_not_null(db: Prisma) -> None:
    select = {"_all": True, "description": True, "title": True, "views": False}
    assert await db.post.count(select=select) == {"_all": 5, "description": 1, "title": 5}
    assert await db.post.count(select={"description": True}, where={"published": False}) == {"description": 0}
    assert await db.post.count(select={}) == {"_all": 5}
