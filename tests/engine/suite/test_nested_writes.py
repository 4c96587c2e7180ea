"""Writes to related records inside create and update."""

from __future__ import annotations

import pytest

from tests.engine.suite.client import Post, Prisma, User, errors
from tests.engine.suite.database import Database


async def user_with_posts(db: Prisma, *titles: str) -> User:
    posts = [{"id": title, "title": title} for title in titles]
    return await db.user.create(data={"id": "u", "name": "Ada", "posts": {"create": posts}}, include={"posts": True})


async def change(db: Prisma, posts: dict[str, object]) -> list[str]:
    """The titles of the user's posts after an update of that relation."""
    changed = await db.user.update(
        where={"id": "u"}, data={"posts": posts}, include={"posts": {"order_by": {"title": "asc"}}}
    )
    assert changed is not None
    return [post.title for post in changed.posts or []]


async def post_of(db: Prisma, data: dict[str, object]) -> Post:
    post = await db.post.update(where={"id": "p"}, data=data, include={"author": True})
    assert post is not None
    return post


async def test_create_one_to_one_from_both_sides(db: Prisma) -> None:
    user = await db.user.create(
        data={"name": "Ada", "profile": {"create": {"bio": "b", "city": "Leith"}}}, include={"profile": True}
    )
    assert user.profile is not None
    assert (user.profile.bio, user.profile.city, user.profile.user_id) == ("b", "Leith", user.id)
    profile = await db.profile.create(data={"bio": "c", "user": {"create": {"name": "Bob"}}}, include={"user": True})
    assert profile.user is not None
    assert profile.user.name == "Bob"


async def test_create_one_or_several_to_many(db: Prisma) -> None:
    one = await db.user.create(data={"name": "a", "posts": {"create": {"title": "only"}}}, include={"posts": True})
    assert [post.title for post in one.posts or []] == ["only"]
    several = await user_with_posts(db, "x", "y", "z")
    assert sorted(post.title for post in several.posts or []) == ["x", "y", "z"]


async def test_create_three_levels_deep(db: Prisma, sql: Database) -> None:
    tagging = {"note": "n", "tag": {"create": {"name": "t"}}}
    post = {"title": "p", "categories": {"create": [{"name": "c"}]}, "tags": {"create": [tagging]}}
    await db.user.create(data={"name": "Ada", "posts": {"create": [post]}})
    assert sql.value('SELECT count(*) FROM "_CategoryToPost"') == 1
    assert sql.run('SELECT tag_id, note FROM "Tagging"') == [{"tag_id": "t", "note": "n"}]


async def test_a_failure_below_undoes_what_is_above(db: Prisma, sql: Database) -> None:
    await db.category.create(data={"name": "taken"})
    post = {"title": "p", "categories": {"create": [{"name": "taken"}]}}
    with pytest.raises(errors.UniqueViolationError):
        await db.user.create(data={"name": "Ada", "posts": {"create": [post]}})
    assert [await db.user.count(), await db.post.count()] == [0, 0]


async def test_connect(db: Prisma) -> None:
    user = await db.user.create(data={"name": "Ada", "email": "ada@x"})
    by_email = await db.post.create(
        data={"title": "a", "author": {"connect": {"email": "ada@x"}}}, include={"author": True}
    )
    assert by_email.author is not None
    assert by_email.author.id == user.id
    loose = await db.post.create(data={"title": "b"})
    changed = await db.user.update(
        where={"id": user.id}, data={"posts": {"connect": [{"id": loose.id}]}}, include={"posts": True}
    )
    assert changed is not None
    assert {post.title for post in changed.posts or []} == {"a", "b"}


async def test_connect_to_nothing_is_an_error(db: Prisma) -> None:
    with pytest.raises(errors.RecordNotFoundError) as error:
        await db.post.create(data={"title": "a", "author": {"connect": {"id": "none"}}})
    assert error.value.code == "P2025"
    assert await db.post.count() == 0


async def test_connect_or_create(db: Prisma) -> None:
    async def post(title: str) -> Post:
        choice = {"where": {"name": "c"}, "create": {"name": "c"}}
        author = {"where": {"email": "a@x"}, "create": {"name": "Ada", "email": "a@x"}}
        return await db.post.create(
            data={
                "title": title,
                "categories": {"connect_or_create": [choice]},
                "author": {"connect_or_create": author},
            },
            include={"author": True, "categories": True},
        )

    first, second = await post("one"), await post("two")
    assert first.author == second.author
    assert first.categories == second.categories
    assert [await db.user.count(), await db.category.count()] == [1, 1]


async def test_disconnect(db: Prisma) -> None:
    await user_with_posts(db, "x", "y")
    assert await change(db, {"disconnect": [{"id": "x"}]}) == ["y"]
    assert await change(db, {"disconnect": [{"id": "none"}]}) == ["y"]
    assert await db.post.count(where={"author_id": None}) == 1


async def test_set_replaces_the_relation(db: Prisma) -> None:
    await user_with_posts(db, "x", "y")
    await db.post.create(data={"id": "z", "title": "z"})
    assert await change(db, {"set": [{"id": "y"}, {"id": "z"}]}) == ["y", "z"]
    assert await change(db, {"set": []}) == []
    assert await db.post.count() == 3


async def test_delete_related(db: Prisma) -> None:
    await user_with_posts(db, "x", "y")
    assert await change(db, {"delete": [{"id": "x"}]}) == ["y"]
    assert await db.post.count() == 1


async def test_delete_of_what_is_not_related_changes_nothing(db: Prisma) -> None:
    await user_with_posts(db, "x")
    await db.post.create(data={"id": "stranger", "title": "s"})
    with pytest.raises(errors.DataError, match="not connected") as error:
        await db.user.update(where={"id": "u"}, data={"posts": {"delete": [{"id": "stranger"}]}})
    assert error.value.code == "P2017"
    assert await db.post.count() == 2


async def test_to_one_disconnect_and_delete(db: Prisma) -> None:
    await db.post.create(data={"id": "p", "title": "t", "author": {"create": {"id": "u", "name": "Ada"}}})
    assert (await post_of(db, {"author": {"disconnect": True}})).author is None
    assert (await post_of(db, {"author": {"connect": {"id": "u"}}})).author_id == "u"
    assert (await post_of(db, {"author": {"delete": True}})).author is None
    assert await db.user.count() == 0
    assert (await post_of(db, {"author": {"create": {"name": "Bob"}}})).author is not None


async def test_update_inside_update(db: Prisma) -> None:
    """The generated types leave these out, the client sends them and Prisma documents them."""
    await user_with_posts(db, "x", "y")
    one = {"where": {"id": "x"}, "data": {"title": "x2", "views": {"increment": 3}}}
    assert await change(db, {"update": [one]}) == ["x2", "y"]
    many = {"where": {"title": {"startswith": "x"}}, "data": {"title": "x3"}}
    assert await change(db, {"updateMany": [many]}) == ["x3", "y"]
    upserts = [
        {"where": {"id": "y"}, "create": {"title": "no"}, "update": {"title": "y2"}},
        {"where": {"id": "n"}, "create": {"title": "new"}, "update": {"title": "no"}},
    ]
    assert await change(db, {"upsert": upserts}) == ["new", "x3", "y2"]
    assert await change(db, {"deleteMany": [{"title": {"in": ["new", "y2"]}}]}) == ["x3"]
    assert await change(db, {"createMany": {"data": [{"title": "a"}, {"title": "b"}]}}) == ["a", "b", "x3"]


async def test_to_one_update_and_upsert(db: Prisma) -> None:
    await db.post.create(data={"id": "p", "title": "t", "author": {"create": {"name": "Ada"}}})
    changed = await post_of(db, {"author": {"update": {"name": "Eve", "profile": {"create": {"bio": "b"}}}}})
    assert changed.author is not None
    assert changed.author.name == "Eve"
    assert await db.profile.count(where={"user_id": changed.author_id}) == 1
    upserted = await post_of(db, {"author": {"upsert": {"create": {"name": "no"}, "update": {"name": "Zoe"}}}})
    assert upserted.author is not None
    assert upserted.author.name == "Zoe"


async def test_several_operations_on_one_relation(db: Prisma) -> None:
    await user_with_posts(db, "x", "y")
    await db.post.create(data={"id": "w", "title": "w"})
    operations: dict[str, object] = {"create": [{"title": "z"}], "connect": [{"id": "w"}], "disconnect": [{"id": "x"}]}
    assert await change(db, operations) == ["w", "y", "z"]
