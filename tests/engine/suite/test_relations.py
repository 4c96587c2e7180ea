"""Filters over relations, relations of a model to itself, many to many, referential actions."""

from __future__ import annotations

import pytest

from tests.engine.suite.client import Prisma, errors
from tests.engine.suite.database import Database


@pytest.fixture
async def people(db: Prisma) -> None:
    """Ada: published posts one, two. Bob: a draft. Cy: no posts, no profile."""
    await db.user.create(
        data={
            "id": "ada",
            "name": "Ada",
            "profile": {"create": {"bio": "a cool bio", "city": "Leith"}},
            "posts": {
                "create": [
                    {"title": "one", "published": True, "categories": {"create": [{"name": "red"}]}},
                    {"title": "two", "published": True, "views": 5},
                ]
            },
        }
    )
    await db.user.create(
        data={
            "id": "bob",
            "name": "Bob",
            "profile": {"create": {"bio": "a dull bio", "city": "Perth"}},
            "posts": {"create": [{"title": "draft", "categories": {"connect": [{"name": "red"}]}}]},
        }
    )
    await db.user.create(data={"id": "cy", "name": "Cy"})


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ({"profile": {"is": {"bio": {"contains": "cool"}}}}, "Ada"),
        ({"profile": {"is": {"bio": {"contains": "bio"}}}}, "Ada Bob"),
        ({"profile": {"is_not": {"bio": {"contains": "cool"}}}}, "Bob Cy"),
        ({"profile": {"is": {"bio": {"contains": "bio"}}, "is_not": {"city": "Leith"}}}, "Bob"),
        ({"profile": {"is": None}}, "Cy"),
        ({"profile": {"is_not": None}}, "Ada Bob"),
        ({"profile": None}, "Cy"),
        ({"posts": {"some": {"published": True}}}, "Ada"),
        ({"posts": {"some": {}}}, "Ada Bob"),
        ({"posts": {"none": {"published": True}}}, "Bob Cy"),
        ({"posts": {"none": {}}}, "Cy"),
        ({"posts": {"every": {"published": True}}}, "Ada Cy"),
        ({"posts": {"every": {"views": {"gt": 1}}}}, "Cy"),
        ({"posts": {"some": {"title": "one"}, "none": {"title": "draft"}}}, "Ada"),
        ({"posts": {"some": {"categories": {"some": {"name": "red"}}}}}, "Ada Bob"),
        ({"posts": {"some": {"categories": {"none": {}}}}}, "Ada"),
        ({"posts": {"every": {"categories": {"some": {"name": "red"}}}}}, "Bob Cy"),
        ({"OR": [{"posts": {"none": {}}}, {"profile": {"is": {"city": "Leith"}}}]}, "Ada Cy"),
        ({"NOT": [{"posts": {"some": {}}}]}, "Cy"),
    ],
)
async def test_filters_over_relations(db: Prisma, where: dict[str, object], expected: str) -> None:
    found = await db.user.find_many(where=where, order={"name": "asc"})
    assert " ".join(user.name for user in found) == expected
    assert await db.user.count(where=where) == len(found)


@pytest.mark.usefixtures("people")
async def test_filters_from_the_many_side(db: Prisma) -> None:
    async def titles(where: dict[str, object]) -> list[str]:
        return [post.title for post in await db.post.find_many(where=where, order={"title": "asc"})]

    assert await titles({"author": {"is": {"name": "Ada"}}}) == ["one", "two"]
    assert await titles({"author": {"is_not": {"name": "Ada"}}}) == ["draft"]
    assert await titles({"author": {"is": {"profile": {"is": {"city": "Leith"}}}}}) == ["one", "two"]
    assert await titles({"author": {"name": "Bob"}}) == ["draft"]


@pytest.mark.usefixtures("people")
async def test_writes_take_filters_over_relations(db: Prisma) -> None:
    assert await db.post.update_many(where={"author": {"is": {"name": "Ada"}}}, data={"views": 9}) == 2
    assert await db.post.delete_many(where={"categories": {"some": {"name": "red"}}}) == 2
    assert [post.views for post in await db.post.find_many()] == [9]


async def test_a_model_related_to_itself(db: Prisma) -> None:
    boss = await db.person.create(
        data={
            "name": "boss",
            "reports": {"create": [{"name": "r1"}, {"name": "r2"}]},
            "pupil": {"create": {"name": "p"}},
        },
        include={"reports": {"order_by": {"name": "asc"}}, "pupil": True},
    )
    assert [person.name for person in boss.reports or []] == ["r1", "r2"]
    assert boss.pupil is not None
    assert boss.pupil.mentor_id == boss.id
    found = await db.person.find_many(
        where={"boss": {"is": {"name": "boss"}}}, include={"boss": {"include": {"pupil": True}}}, order={"name": "asc"}
    )
    assert [(person.name, person.boss.pupil.name) for person in found if person.boss and person.boss.pupil] == [
        ("r1", "p"),
        ("r2", "p"),
    ]


async def test_friends_of_friends(db: Prisma) -> None:
    ann = await db.person.create(data={"name": "ann"})
    await db.person.create(data={"name": "ben", "friends": {"connect": [{"id": ann.id}]}})
    await db.person.update(where={"name": "ann"}, data={"friends": {"create": [{"name": "cat"}]}})
    found = await db.person.find_unique_or_raise(where={"name": "ann"}, include={"friends": True, "friend_of": True})
    assert [person.name for person in found.friends or []] == ["cat"]
    assert [person.name for person in found.friend_of or []] == ["ben"]
    chain = await db.person.find_many(where={"friends": {"some": {"friends": {"some": {"name": "cat"}}}}})
    assert [person.name for person in chain] == ["ben"]


async def test_implicit_many_to_many(db: Prisma, sql: Database) -> None:
    red = await db.category.create(data={"name": "red"})
    post = await db.post.create(data={"title": "t", "categories": {"connect": [{"id": red.id}, {"id": red.id}]}})
    assert sql.run('SELECT "A", "B" FROM "_CategoryToPost"') == [{"A": red.id, "B": post.id}]
    blue = {"set": [], "create": [{"name": "blue"}]}
    changed = await db.post.update(where={"id": post.id}, data={"categories": blue}, include={"categories": True})
    assert changed is not None
    assert [category.name for category in changed.categories or []] == ["blue"]
    await db.post.delete(where={"id": post.id})
    assert sql.value('SELECT count(*) FROM "_CategoryToPost"') == 0


async def test_explicit_many_to_many(db: Prisma) -> None:
    await db.tag.create(data={"name": "t"})
    post = await db.post.create(data={"title": "p"})
    await db.tagging.create(data={"post_id": post.id, "tag_id": "t", "note": "direct"})
    key = {"post_id_tag_id": {"post_id": post.id, "tag_id": "t"}}
    found = await db.tagging.find_unique_or_raise(where=key, include={"post": True, "tag": True})
    assert (found.note, found.post and found.post.title, found.tag and found.tag.name) == ("direct", "p", "t")
    tagged = await db.post.find_many(where={"tags": {"some": {"tag_id": "t", "note": {"contains": "rect"}}}})
    assert [row.id for row in tagged] == [post.id]


async def test_cascade_set_null_and_restrict(db: Prisma, sql: Database) -> None:
    post = await db.post.create(data={"title": "p", "tags": {"create": [{"tag": {"create": {"name": "t"}}}]}})
    with pytest.raises(errors.ForeignKeyViolationError):
        await db.tag.delete(where={"name": "t"})
    await db.post.delete(where={"id": post.id})
    assert await db.tagging.count() == 0
    await db.owner.create(data={"id": 1, "loose": {"create": {"id": 1}}})
    await db.owner.delete(where={"id": 1})
    assert sql.run('SELECT id, owner_id FROM "Pet"') == [{"id": 1, "owner_id": None}]


async def test_a_required_relation_cannot_be_cut(db: Prisma) -> None:
    """P2014 names the relation."""
    await db.owner.create(data={"id": 1, "tight": {"create": [{"id": 5}]}})
    with pytest.raises(errors.DataError) as error:
        await db.owner.update(where={"id": 1}, data={"tight": {"set": []}})
    assert error.value.code == "P2014"
    assert await db.goat.count() == 1


async def test_a_second_one_to_one_is_an_error(db: Prisma) -> None:
    """The profile that exists belongs to a required relation: P2014."""
    user = await db.user.create(data={"name": "Ada", "profile": {"create": {"bio": "first"}}})
    with pytest.raises(errors.DataError) as error:
        await db.user.update(where={"id": user.id}, data={"profile": {"create": {"bio": "second"}}})
    assert error.value.code == "P2014"
    with pytest.raises(errors.UniqueViolationError):
        await db.profile.create(data={"bio": "second", "user_id": user.id})
