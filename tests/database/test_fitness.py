"""Databases that answer and still cannot be used are refused before anything is done."""

from __future__ import annotations

import secrets

import pytest

from tests.database.support import Site, assert_refused


@pytest.mark.parametrize("command", ["serve", "migrate"])
def test_two_urls_that_lead_to_two_databases(site: Site, migrated: str, command: str) -> None:
    other = site.database()
    done = site.run(migrated, command, env={"DIRECT_URL": site.postgres.url(other)})
    assert_refused(done, 65, "DIRECT_URL", "DATABASE_URL")
    assert tables(site, other) == "0"


@pytest.mark.parametrize("command", ["serve", "migrate"])
def test_a_database_that_cannot_be_written(site: Site, migrated: str, command: str) -> None:
    database = site.copy(migrated)
    site.postgres.sql(f"ALTER DATABASE {database} SET default_transaction_read_only = on")
    assert_refused(site.run(database, command), 68, "read-only", "DATABASE_URL_READ_REPLICA")


def test_an_encoding_that_cannot_hold_what_is_written(site: Site) -> None:
    name = f"latin_{secrets.token_hex(4)}"
    site.postgres.sql(f"CREATE DATABASE {name} ENCODING LATIN1 LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
    assert_refused(site.run(name, "migrate"), 68, "LATIN1", "createdb")
    assert tables(site, name) == "0"


def test_a_second_litellm_in_one_database(site: Site, migrated: str) -> None:
    database = site.copy(migrated)
    env = {"DATABASE_URL": f"{site.postgres.url(database)}?schema=second"}
    assert_refused(site.run(database, "migrate", env=env), 68, "schema public", "a database of its own")


def tables(site: Site, database: str) -> str:
    return site.postgres.sql(
        "SELECT count(*) FROM pg_tables WHERE schemaname NOT LIKE 'pg_%' AND schemaname <> 'information_schema'",
        database,
    )
