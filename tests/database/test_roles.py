"""Roles with limits and settings of their own."""

from __future__ import annotations

import secrets

import pytest

from tests.database.support import Site, assert_refused


def role(site: Site, options: str = "", setting: str = "", database: str | None = None) -> dict[str, str | None]:
    """The variable that names the database (a new one, its own, where none is given) for a new role."""
    name = f"role_{secrets.token_hex(4)}"
    site.postgres.sql(f"CREATE ROLE {name} LOGIN PASSWORD '{name}' {options}")
    if setting:
        site.postgres.sql(f"ALTER ROLE {name} SET {setting}")
    if database is None:
        database = site.database()
        site.postgres.sql(f"ALTER DATABASE {database} OWNER TO {name}")
    return {"DATABASE_URL": site.postgres.url(database, user=name, password=name)}


@pytest.mark.parametrize("setting", ["idle_session_timeout = '500ms'", "statement_timeout = '500ms'"])
def test_a_role_with_short_time_outs_migrates(site: Site, setting: str) -> None:
    """The session that holds the lock is idle, or waits, for longer than that."""
    done = site.run("", "migrate", env=role(site, setting=setting))
    assert done.code == 0, done.output


def test_the_connections_of_a_role_bound_the_budget(site: Site) -> None:
    done = site.run("", "serve", env=role(site, "CONNECTION LIMIT 5"))
    assert_refused(done, 74, "= 10, and it has 5", "CONNECTION LIMIT")


def test_a_role_that_may_not_read_the_ledger_is_told_what_to_grant(site: Site, migrated: str) -> None:
    done = site.run("", "migrate", "--dry-run", env=role(site, database=migrated))
    assert_refused(done, 68, "permission denied", "GRANT the role SELECT")
