"""Parameters of the connection URL mean what Prisma documents."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from urllib.parse import quote

import pytest

from tests.engine.suite.client import Prisma, errors
from tests.engine.suite.database import Database, replaced
from tests.engine.suite.engines import connected, until

LONG = timedelta(seconds=20)


async def test_no_more_connections_than_the_limit(url: str, sql: Database) -> None:
    async with connected(url, connection_limit=2, application_name="two") as client:
        await asyncio.gather(*(client.query_raw("SELECT pg_sleep(0.05)") for _ in range(8)))
        assert len(sql.connections("two")) == 2


async def test_connections_open_as_they_are_needed(url: str, sql: Database) -> None:
    async with connected(url, connection_limit=9, application_name="lazy") as client:
        for _ in range(5):
            await client.user.count()
        assert len(sql.connections("lazy")) == 1


async def test_no_connection_within_pool_timeout(url: str) -> None:
    """P2024, with both numbers; whoever waits less long is served."""
    async with connected(url, connection_limit=1, pool_timeout=1) as client:
        async with client.tx(timeout=LONG):
            started = time.monotonic()
            with pytest.raises(errors.DataError, match="connection pool") as error:
                await client.user.count()
            assert 0.8 < time.monotonic() - started < 3
        assert error.value.code == "P2024"
        assert error.value.meta == {"connection_limit": 1, "timeout": 1}
        assert await client.user.count() == 0


async def test_pool_timeout_zero_waits(url: str) -> None:
    async with connected(url, connection_limit=1, pool_timeout=0) as client:
        async with client.tx(timeout=LONG):
            waiting = asyncio.ensure_future(client.user.count())
            await asyncio.sleep(0.3)
            assert not waiting.done()
        assert await waiting == 0


async def test_queries_are_served_in_their_order(url: str) -> None:
    async with connected(url, connection_limit=1) as client:
        order: list[int] = []

        async def ask(number: int) -> None:
            await client.query_raw("SELECT pg_sleep(0.02)")
            order.append(number)

        async with client.tx(timeout=LONG), asyncio.timeout(10):
            tasks = []
            for number in range(6):
                tasks.append(asyncio.ensure_future(ask(number)))
                # Each comes by a connection of its own, so the next one is sent when this one is seen to wait.
                while await waiting(client) <= number:
                    await asyncio.sleep(0.01)
        await asyncio.gather(*tasks)
        assert order == sorted(order)


async def waiting(client: Prisma) -> float:
    """How many queries wait for a connection."""
    gauges = (await client.get_metrics()).gauges
    return next(float(gauge.value) for gauge in gauges if gauge.key == "prisma_client_queries_wait")


async def test_schema(url: str, db: Prisma, sql: Database) -> None:
    with sql.schema("other"):
        sql.run('CREATE TABLE other."Bulk" (LIKE public."Bulk")')
        async with connected(url, schema="other") as client:
            await client.bulk.create(data={"id": 1, "payload": "elsewhere", "amount": 0})
            assert await client.query_raw('SELECT payload FROM "Bulk"') == [{"payload": "elsewhere"}]
            assert await client.query_first("SELECT current_schema() AS name") == {"name": "other"}
            with pytest.raises(errors.TableNotFoundError) as error:
                await client.user.count()
            assert error.value.table == "other.User"
        assert await db.bulk.count() == 0
        assert sql.value('SELECT count(*) FROM other."Bulk"') == 1


async def test_options_and_application_name(url: str) -> None:
    options = "-c statement_timeout=150 -c work_mem=5MB"
    async with connected(url, options=options, application_name="my gateway") as client:
        assert await client.query_first("SHOW work_mem") == {"work_mem": "5MB"}
        assert await client.query_first("SHOW application_name") == {"application_name": "my gateway"}
        with pytest.raises(errors.RawQueryError) as error:
            await client.query_raw("SELECT pg_sleep(3)")
        assert error.value.meta["code"] == "57014"
        assert await client.user.count() == 0


PREPARED = "SELECT count(*) AS count FROM pg_prepared_statements"


@pytest.mark.parametrize("parameters", [{"pgbouncer": "true"}, {"statement_cache_size": 0}])
async def test_no_prepared_statement_stays(url: str, parameters: dict[str, object]) -> None:
    """A pooler between transactions hands the next statement to another server process."""
    async with connected(url, connection_limit=1, **parameters) as client:
        for number in range(5):
            await client.user.find_first(where={"balance": number})
            await client.query_raw("SELECT $1::int", number)
        async with client.tx() as tx:
            await tx.user.create(data={"name": "Ada"})
        assert (await client.query_raw(PREPARED))[0]["count"] == 0


async def test_prepared_statements_are_bounded(url: str) -> None:
    async with connected(url, connection_limit=1, statement_cache_size=5) as client:
        for number in range(30):
            await client.query_raw(f"SELECT {number}")
            await client.user.find_many(take=number)
        assert (await client.query_raw(PREPARED))[0]["count"] <= 6


async def test_a_changed_table_does_not_break_prepared_statements(url: str, sql: Database) -> None:
    """ "cached plan must not change result type" is not the user's problem."""
    async with connected(url, connection_limit=1) as client:
        sql.run("CREATE TABLE changing (a int)")
        try:
            for column in ("b", "c"):
                for _ in range(3):
                    assert await client.query_raw("SELECT * FROM changing") == []
                sql.run(f"ALTER TABLE changing ADD {column} int")
            sql.run("INSERT INTO changing VALUES (1, 2, 3)")
            assert await client.query_raw("SELECT * FROM changing") == [{"a": 1, "b": 2, "c": 3}]
        finally:
            sql.run("DROP TABLE changing")


async def test_idle_connections_close(url: str, sql: Database) -> None:
    async with connected(url, max_idle_connection_lifetime=1, application_name="rests") as client:
        await asyncio.gather(*(client.query_raw("SELECT pg_sleep(0.05)") for _ in range(3)))
        assert sql.connections("rests")
        await until("the end of the idle connections", lambda: not sql.connections("rests"), 5)
        assert await client.user.count() == 0


async def test_old_connections_are_replaced(url: str) -> None:
    async with connected(url, max_connection_lifetime=1, connection_limit=1) as client:
        me = "SELECT pg_backend_pid() AS pid"
        first = await client.query_first(me)
        assert await client.query_first(me) == first
        await asyncio.sleep(1.2)
        assert await client.query_first(me) != first


async def test_any_password_user_and_database(url: str, sql: Database) -> None:
    user, database = "us:er @x", "data/base ü?"
    sql.run(f'CREATE ROLE "{user}" LOGIN')
    try:
        sql.run(f'CREATE DATABASE "{database}" OWNER "{user}"')
        for password in ("p@ss:/?#[]%&=+ '\"\\", "påsswörd 🔑", "-" * 200):
            literal = password.replace("'", "''")
            sql.run(f"ALTER ROLE \"{user}\" PASSWORD '{literal}'")
            parts = {"user": user, "password": password, "database": database}
            target = replaced(url, **{name: quote(text, safe="") for name, text in parts.items()})
            async with connected(target) as client:
                row = await client.query_first("SELECT current_user::text AS role, current_database()::text AS name")
                assert row == {"role": user, "name": database}
    finally:
        sql.run(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')
        sql.run(f'DROP ROLE "{user}"')


async def test_both_schemes_and_unknown_parameters(url: str) -> None:
    short = url.replace("postgresql://", "postgres://", 1)
    async with connected(short, no_such_parameter="x", sslmode="prefer") as client:
        assert await client.user.count() == 0


async def test_the_datasource_override_wins_over_the_environment(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody:x@127.0.0.1:1/nothing")
    async with connected(url) as client:
        assert await client.user.count() == 0
