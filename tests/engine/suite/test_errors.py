"""What goes wrong, as the class, the code and the metadata that the client and its users look at."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from tests.engine.suite.client import Prisma, bases, errors
from tests.engine.suite.database import Database


async def test_unique_violation_names_the_fields(db: Prisma) -> None:
    await db.user.create(data={"id": "1", "name": "a", "email": "e@x"})
    for data, target in (({"id": "1", "name": "b"}, ["id"]), ({"name": "b", "email": "e@x"}, ["email"])):
        with pytest.raises(errors.UniqueViolationError, match="Unique constraint failed on the fields") as error:
            await db.user.create(data=data)
        assert error.value.code == "P2002"
        assert error.value.meta["target"] == target


async def test_unique_violation_over_mapped_names(db: Prisma) -> None:
    await db.renamed.create(data={"key": "k", "text": "t", "parent": None})
    with pytest.raises(errors.UniqueViolationError) as error:
        await db.renamed.create(data={"key": "k", "text": "u"})
    assert error.value.meta["target"] == ["the key"]


async def test_foreign_key_violation(db: Prisma) -> None:
    with pytest.raises(errors.ForeignKeyViolationError, match="Foreign key constraint failed on the field") as error:
        await db.post.create(data={"title": "t", "author_id": "nobody"})
    assert error.value.code == "P2003"
    assert error.value.meta["field_name"] == "Post_author_id_fkey (index)"
    await db.owner.create(data={"id": 1})
    await db.goat.create(data={"id": 1, "owner_id": 1})
    with pytest.raises(errors.ForeignKeyViolationError):
        await db.owner.delete(where={"id": 1})
    with pytest.raises(errors.ForeignKeyViolationError):
        await db.owner.delete_many()


async def test_record_not_found(db: Prisma) -> None:
    with pytest.raises(errors.RecordNotFoundError) as error:
        await db.post.create(data={"title": "t", "author": {"connect": {"id": "none"}}})
    assert error.value.code == "P2025"
    assert "cause" in error.value.meta
    with pytest.raises(errors.DataError, match="connected records were not found") as many:
        await db.user.create(data={"name": "a", "posts": {"connect": [{"id": "none"}]}})
    assert many.value.code == "P2018"
    with pytest.raises(errors.RecordNotFoundError, match=r"(?i)no user found|not found"):
        await db.user.find_first_or_raise()


async def test_missing_required_value(db: Prisma) -> None:
    with pytest.raises(errors.MissingRequiredValueError, match="name") as error:
        await db.user.create(data={"email": "e@x"})
    assert error.value.code in ("P2009", "P2012")
    with pytest.raises(errors.MissingRequiredValueError, match="bio"):
        await db.user.create(data={"name": "a", "profile": {"create": {"city": "c"}}})


async def test_unknown_field_in_a_selection(db: Prisma) -> None:
    class Wide(bases.BasePost):  # type: ignore[misc]
        foo_field: str

    with pytest.raises(errors.FieldNotFoundError, match="Field 'foo_field' not found in enclosing type 'Post'"):
        await Wide.prisma(db).find_first()


@pytest.mark.parametrize(
    "where",
    [
        {"bad_field": "foo"},
        {"author": {"is": {"bad_field": "foo"}}},
        {"title": {"bad_field": "foo"}},
        {"AND": [{"bad_field": 1}]},
    ],
)
async def test_unknown_fields_in_a_filter(db: Prisma, where: dict[str, object]) -> None:
    with pytest.raises(errors.DataError, match="bad_field") as error:
        await db.post.find_first(where=where)
    assert error.value.code == "P2009"
    with pytest.raises(errors.DataError, match="bad_field"):
        await db.post.update_many(where=where, data={"views": 1})


async def test_unknown_fields_in_data_and_order(db: Prisma) -> None:
    with pytest.raises(errors.DataError, match="bad_field"):
        await db.post.create(data={"title": "t", "bad_field": 1})
    with pytest.raises(errors.FieldNotFoundError, match="bad_field"):
        await db.post.find_many(order={"bad_field": "asc"})
    with pytest.raises(errors.FieldNotFoundError, match=r"orderBy\.desc"):
        await db.post.find_many(order={"desc": None})
    with pytest.raises(errors.DataError, match="distinct"):
        await db.post.find_many(distinct=["bad_field"])
    with pytest.raises(errors.DataError, match="orderBy"):
        await db.post.find_many(order={"title": "sideways"})


async def test_a_unique_filter_without_a_unique_field(db: Prisma) -> None:
    for where in ({}, {"name": "Ada"}):
        with pytest.raises(errors.DataError):
            await db.user.find_unique(where=where)


async def test_table_and_column_that_do_not_exist(db: Prisma) -> None:
    with pytest.raises(errors.TableNotFoundError, match=r"public\.Ghost") as table:
        await db.ghost.find_first()
    assert table.value.code == "P2021"
    assert table.value.table == "public.Ghost"
    with pytest.raises(errors.DataError, match="missing") as column:
        await db.halved.find_first()
    assert column.value.code == "P2022"
    assert "missing" in column.value.meta["column"]


async def test_null_and_length_and_check_constraints_of_the_database(db: Prisma, sql: Database) -> None:
    """P2011 (null), P2000 (too long); what Prisma has no code for keeps the database's message."""
    sql.run('ALTER TABLE "Peculiar" ADD COLUMN hidden int NOT NULL CHECK (hidden > 0) DEFAULT 1')
    try:
        sql.run('ALTER TABLE "Peculiar" ALTER hidden DROP DEFAULT')
        with pytest.raises(errors.DataError) as null:
            await db.peculiar.create(data={"title": "t"})
        assert null.value.code == "P2011"
        sql.run('ALTER TABLE "Peculiar" ALTER hidden SET DEFAULT 0')
        with pytest.raises(errors.PrismaError, match="check constraint"):
            await db.peculiar.create(data={"title": "t"})
    finally:
        sql.run('ALTER TABLE "Peculiar" DROP COLUMN hidden')
    with pytest.raises(errors.DataError) as length:
        await db.natives.create(data={"varchar_": "far too long for it"})
    assert length.value.code == "P2000"


async def test_a_null_in_a_required_column(db: Prisma, sql: Database) -> None:
    """P2032: the column holds what the schema excludes."""
    sql.run('ALTER TABLE "Bulk" ALTER payload DROP NOT NULL')
    try:
        sql.run('INSERT INTO "Bulk" VALUES (1, NULL, 0)')
        with pytest.raises(errors.DataError, match="payload") as error:
            await db.bulk.find_many()
        assert error.value.code == "P2032"
    finally:
        sql.run('DELETE FROM "Bulk"; ALTER TABLE "Bulk" ALTER payload SET NOT NULL')


async def test_an_unknown_value_of_an_enum(db: Prisma, sql: Database) -> None:
    """The database knows more values than the schema; Prisma has no code for this."""
    sql.run("ALTER TYPE mood_type ADD VALUE IF NOT EXISTS 'GLAD'")
    sql.run("INSERT INTO \"Types\" (mood) VALUES ('GLAD')")
    with pytest.raises(errors.DataError, match="Value 'GLAD' not found in enum 'Mood'"):
        await db.types.find_first()


async def test_a_statement_that_the_database_cancels(db: Prisma, sql: Database) -> None:
    with pytest.raises(errors.RawQueryError) as error:
        async with db.tx() as tx:
            await tx.execute_raw("SET LOCAL statement_timeout = '50ms'")
            await tx.query_raw("SELECT pg_sleep(3)")
    assert error.value.meta["code"] == "57014"


async def swap(db: Prisma, isolation: str, both: asyncio.Barrier, first: str, second: str) -> str:
    """Read one record, meet the other transaction, change the other record: "done", or the code and message."""
    try:
        async with db.tx(timeout=timedelta(seconds=20)) as tx:
            await tx.execute_raw(f"SET TRANSACTION ISOLATION LEVEL {isolation}")
            await tx.user.update(where={"id": first}, data={"balance": 1})
            await tx.user.count()
            await both.wait()
            await tx.user.update(where={"id": second}, data={"balance": 2})
    except errors.DataError as error:
        return f"{error.code} {error}"
    return "done"


async def test_a_deadlock_is_an_error_of_one_transaction(db: Prisma) -> None:
    await db.user.create_many(data=[{"id": name, "name": name} for name in "ab"])
    both = asyncio.Barrier(2)
    results = await asyncio.gather(*(swap(db, "READ COMMITTED", both, *pair) for pair in ("ab", "ba")))
    assert "done" in results
    (failure,) = [result for result in results if result != "done"]
    assert "deadlock" in failure


async def test_a_conflict_of_serializable_transactions(db: Prisma) -> None:
    """P2034: try again."""
    await db.user.create_many(data=[{"id": name, "name": name} for name in "abcd"])
    both = asyncio.Barrier(2)
    results = await asyncio.gather(*(swap(db, "SERIALIZABLE", both, *pair) for pair in ("ab", "cd")))
    assert "done" in results
    (failure,) = [result for result in results if result != "done"]
    assert "P2034" in failure


async def test_after_every_error_the_engine_answers(db: Prisma) -> None:
    for _ in range(25):
        with pytest.raises(errors.DataError):
            await db.user.create(data={"name": None})
        with pytest.raises(errors.RawQueryError):
            await db.query_raw("SELECT nonsense")
    assert await db.user.count() == 0
