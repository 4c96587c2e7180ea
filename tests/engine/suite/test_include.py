"""include: what it loads, filters, orders and pages; how deep it goes."""

from __future__ import annotations

import pytest

from tests.engine.suite.client import Post, Prisma, errors


@pytest.fixture
async def author(db: Prisma) -> str:
    """A user with posts p1 to p4, of which p2 and p3 are published, and a category on p1 and p2."""
    posts = [{"id": f"p{n}", "title": f"Post {n}", "published": n in (2, 3), "views": n} for n in range(1, 5)]
    user = await db.user.create(data={"name": "Ada", "posts": {"create": posts}})
    await db.category.create(data={"name": "red", "posts": {"connect": [{"id": "p1"}, {"id": "p2"}]}})
    return str(user.id)


async def posts_of(db: Prisma, author: str, arguments: object) -> list[Post]:
    user = await db.user.find_unique_or_raise(where={"id": author}, include={"posts": arguments})
    assert user.posts is not None
    return list(user.posts)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"take": 1}, "p1"),
        ({"take": -1}, "p4"),
        ({"skip": 1, "take": 2}, "p2 p3"),
        ({"cursor": {"id": "p2"}, "skip": 1}, "p3 p4"),
        ({"cursor": {"id": "p3"}, "skip": 1, "take": -1}, "p2"),
        ({"where": {"published": True}}, "p2 p3"),
        ({"where": {"OR": [{"published": True}, {"id": "p1"}]}}, "p1 p2 p3"),
        ({"where": {"categories": {"some": {"name": "red"}}}}, "p1 p2"),
        ({"distinct": ["published"]}, "p1 p2"),
        ({"where": {"id": "none"}}, ""),
    ],
)
async def test_arguments(db: Prisma, author: str, arguments: dict[str, object], expected: str) -> None:
    found = await posts_of(db, author, {"order_by": {"id": "asc"}} | arguments)
    assert " ".join(post.id for post in found) == expected


async def test_order(db: Prisma, author: str) -> None:
    orders = [{"published": "asc"}, {"views": "desc"}]
    assert [post.id for post in await posts_of(db, author, {"order_by": orders})] == ["p4", "p1", "p3", "p2"]


async def test_true_and_false(db: Prisma, author: str) -> None:
    assert len(await posts_of(db, author, True)) == 4
    user = await db.user.find_unique_or_raise(where={"id": author}, include={"posts": False, "profile": True})
    assert (user.posts, user.profile) == (None, None)
    post = (await posts_of(db, author, True))[0]
    assert (post.author, post.categories, post.author_id) == (None, None, author)


async def test_four_levels_with_arguments_on_each(db: Prisma, author: str) -> None:
    red = {"order_by": {"title": "desc"}, "include": {"author": {"include": {"posts": {"take": 1}}}}}
    include = {
        "profile": True,
        "posts": {
            "where": {"categories": {"some": {}}},
            "order_by": {"id": "asc"},
            "include": {"categories": {"include": {"posts": red}}},
        },
    }
    user = await db.user.find_first_or_raise(where={"id": author}, include=include)
    assert user.posts is not None
    for post in user.posts:
        (category,) = post.categories or []
        assert [inner.id for inner in category.posts or []] == ["p2", "p1"]
        for inner in category.posts or []:
            assert inner.author is not None
            assert len(inner.author.posts or []) == 1


async def test_every_operation_that_returns_a_record_includes(db: Prisma, author: str) -> None:
    where, include = {"id": "p1"}, {"author": True, "categories": True}
    results = [
        await db.post.find_unique(where=where, include=include),
        await db.post.find_first(where=where, include=include),
        *await db.post.find_many(where=where, include=include),
        await db.post.update(where=where, data={"views": 1}, include=include),
        await db.post.upsert(where=where, data={"create": {"title": ""}, "update": {}}, include=include),
        await db.post.delete(where=where, include=include),
    ]
    for post in results:
        assert post is not None
        assert post.author is not None
        assert (post.author.id, [category.name for category in post.categories or []]) == (author, ["red"])


async def test_relations_of_many_records_belong_to_the_right_ones(db: Prisma) -> None:
    for number in range(60):
        titles = [f"{number}-{index}" for index in range(number % 4)]
        await db.user.create(
            data={"id": f"{number:03}", "name": "n", "posts": {"create": [{"title": title} for title in titles]}}
        )
    include = {"posts": {"order_by": {"title": "asc"}, "take": 2}}
    users = await db.user.find_many(order={"id": "asc"}, include=include)
    for number, user in enumerate(users):
        assert [post.title for post in user.posts or []] == [f"{number}-{index}" for index in range(min(2, number % 4))]


async def test_an_unknown_relation_is_an_error(db: Prisma) -> None:
    with pytest.raises(errors.UnknownRelationalFieldError):
        await db.user.find_many(include={"nothing": True})
