"""find_unique, find_first, find_many: selection, order and pages."""

from __future__ import annotations

import pytest

from tests.engine.suite.client import Prisma, User, errors


@pytest.fixture
async def letters(db: Prisma) -> None:
    """Seven posts a to g; c and f are published; views 0 to 6; b and e have a description."""
    await db.post.create_many(
        data=[
            {
                "id": name,
                "title": f"Post {name}",
                "views": views,
                "published": name in "cf",
                "description": "d" if name in "be" else None,
            }
            for views, name in enumerate("abcdefg")
        ]
    )


def ids(posts: list[object]) -> str:
    return "".join(getattr(post, "id") for post in posts)  # noqa: B009


async def test_by_id_and_by_unique_field(db: Prisma) -> None:
    user = await db.user.create(data={"name": "Ada", "email": "ada@x"})
    assert await db.user.find_unique(where={"id": user.id}) == user
    assert await db.user.find_unique(where={"email": "ada@x"}) == user
    assert await db.user.find_unique_or_raise(where={"email": "ada@x"}) == user


async def test_a_unique_key_with_a_further_condition(db: Prisma) -> None:
    user = await db.user.create(data={"name": "Ada"})
    assert await db.user.find_unique(where={"id": user.id, "name": "Ada"}) == user
    assert await db.user.find_unique(where={"id": user.id, "name": "Bob"}) is None


async def test_nothing_found(db: Prisma) -> None:
    assert await db.user.find_unique(where={"id": "none"}) is None
    assert await db.user.find_first(where={"id": "none"}) is None
    assert await db.user.find_many() == []
    with pytest.raises(errors.RecordNotFoundError) as unique:
        await db.user.find_unique_or_raise(where={"id": "none"})
    with pytest.raises(errors.RecordNotFoundError) as first:
        await db.user.find_first_or_raise(where={"id": "none"})
    assert {unique.value.code, first.value.code} == {"P2025"}


@pytest.mark.usefixtures("letters")
async def test_the_first_of_an_order(db: Prisma) -> None:
    post = await db.post.find_first_or_raise(order={"views": "desc"})
    assert post.id == "g"
    assert (await db.post.find_first_or_raise(skip=2, order={"views": "desc"})).id == "e"
    assert (await db.post.find_first_or_raise(cursor={"id": "c"}, order={"id": "asc"}, skip=1)).id == "d"
    assert (await db.post.find_first_or_raise(where={"published": True}, order={"id": "desc"})).id == "f"


@pytest.mark.usefixtures("letters")
@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({}, "abcdefg"),
        ({"take": 3}, "abc"),
        ({"take": 0}, ""),
        ({"skip": 5}, "fg"),
        ({"skip": 9}, ""),
        ({"take": 2, "skip": 2}, "cd"),
        ({"take": -2}, "fg"),
        ({"take": -2, "skip": 1}, "ef"),
        ({"cursor": {"id": "e"}}, "efg"),
        ({"cursor": {"id": "e"}, "skip": 1}, "fg"),
        ({"cursor": {"id": "c"}, "take": 2}, "cd"),
        ({"cursor": {"id": "c"}, "take": -2}, "bc"),
        ({"cursor": {"id": "c"}, "take": -2, "skip": 1}, "ab"),
        ({"cursor": {"id": "none"}}, ""),
        ({"cursor": {"id": "b"}, "where": {"published": True}}, "cf"),
    ],
)
async def test_pages(db: Prisma, arguments: dict[str, object], expected: str) -> None:
    assert ids(await db.post.find_many(order={"id": "asc"}, **arguments)) == expected


@pytest.mark.usefixtures("letters")
async def test_several_orders(db: Prisma) -> None:
    found = await db.post.find_many(order=[{"published": "desc"}, {"views": "desc"}])
    assert ids(found) == "fcgedba"


@pytest.mark.usefixtures("letters")
async def test_two_fields_in_one_order_are_an_error(db: Prisma) -> None:
    with pytest.raises(errors.DataError, match="orderBy"):
        await db.post.find_many(order={"published": "desc", "views": "desc"})


@pytest.mark.usefixtures("letters")
async def test_nulls_are_last_in_ascending_order_unless_told(db: Prisma) -> None:
    last = await db.post.find_many(order=[{"description": "asc"}, {"id": "asc"}])
    first = await db.post.find_many(order=[{"description": "desc"}, {"id": "asc"}])
    told = await db.post.find_many(order=[{"description": {"sort": "asc", "nulls": "first"}}, {"id": "asc"}])
    assert [ids(last), ids(first), ids(told)] == ["beacdfg", "acdfgbe", "acdfgbe"]


async def test_order_by_a_relation_and_by_the_size_of_one(db: Prisma) -> None:
    for name, titles in (("Cy", "x"), ("Al", "yyy"), ("Bo", "")):
        await db.user.create(data={"name": name, "posts": {"create": [{"title": title} for title in titles]}})
    profile = {"author": {"name": "asc"}}
    posts = await db.post.find_many(order=[profile], include={"author": True})
    assert [post.author.name for post in posts if post.author] == ["Al", "Al", "Al", "Cy"]
    users = await db.user.find_many(order={"posts": {"_count": "desc"}})
    assert [user.name for user in users] == ["Al", "Cy", "Bo"]


async def test_distinct(db: Prisma) -> None:
    await db.user.create_many(
        data=[
            {"id": "1", "name": "a", "balance": 1},
            {"id": "2", "name": "a", "balance": 1},
            {"id": "3", "name": "a", "balance": 2},
            {"id": "4", "name": "b", "balance": 2},
        ]
    )
    by_name = await db.user.find_many(distinct=["name"], order={"id": "asc"})
    both = await db.user.find_many(distinct=["name", "balance"], order={"id": "asc"})
    paged = await db.user.find_many(distinct=["name"], order={"id": "asc"}, skip=1, take=1)
    assert [ids(by_name), ids(both), ids(paged)] == ["14", "134", "4"]
    assert (await db.user.find_first_or_raise(distinct=["name"], order={"id": "desc"})).id == "4"


async def test_full_text_search_and_relevance(db: Prisma) -> None:
    """`search` takes the syntax of to_tsquery; `_relevance` orders by rank."""
    titles = ["cats and dogs", "cats alone: cats, cats", "rabbits"]
    await db.post.create_many(data=[{"id": str(number), "title": title} for number, title in enumerate(titles)])

    async def found(query: str) -> str:
        return ids(await db.post.find_many(where={"title": {"search": query}}, order={"id": "asc"}))

    assert [await found("cats | dogs"), await found("cats & dogs"), await found("!cats")] == ["01", "0", "2"]
    relevance = {"fields": ["title"], "search": "cats", "sort": "desc"}
    assert ids(await db.post.find_many(order=[{"_relevance": relevance}, {"id": "asc"}])) == "102"


async def test_many_values_in_one_filter(db: Prisma) -> None:
    """More values than PostgreSQL takes parameters; Prisma splits the statement."""
    await db.bulk.create_many(data=[{"id": number, "payload": "", "amount": 0} for number in range(100)])
    wanted = list(range(50, 40_050))
    found = await db.bulk.find_many(where={"id": {"in": wanted}})
    assert sorted(row.id for row in found) == list(range(50, 100))


async def test_models_query_by_themselves(db: Prisma) -> None:
    """`Model.prisma(client)` is the same as `client.model`."""
    created = await User.prisma(db).create(data={"name": "Ada"})
    assert await User.prisma(db).find_first(where={"name": "Ada"}) == created
    rows = await User.prisma(db).query_raw('SELECT * FROM "User" WHERE id = $1', created.id)
    assert [row.id for row in rows] == [created.id]
