"""Prisma's advisory lock: one `migrate deploy` at a time, whichever runner the others use."""

from __future__ import annotations

from tests.prisma.tool import EXTRAS, LOCK, Database, Tool
from tests.support.lab import wait_until

ONE = {"1_one": "SELECT 1"}
GATED = {"1_gated": "LOCK TABLE gate"}
# Two sessions asked for it; the holder's last statement is another one by then.
ASKS = "query LIKE 'SELECT pg_try_advisory_lock%' AND datname = current_database()"
WAITING = f"SELECT count(*) FROM pg_stat_activity WHERE {ASKS}"
HELD = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 72707369 AND granted"


def test_three_at_once_apply_each_migration_once(tool: Tool, database: Database) -> None:
    every = [tool.start("migrate", "deploy", cwd=EXTRAS, url=database.url) for _ in range(3)]

    done = [one.wait() for one in every]

    assert [one.code for one in done] == [0, 0, 0], [one.stderr[-500:] for one in done]
    assert database.sql("SELECT count(*), count(DISTINCT migration_name) FROM _prisma_migrations") == "213|213"
    assert sum("All migrations have been successfully applied." in one.stdout for one in done) == 1


def test_the_lock_is_prismas_own_and_the_next_run_waits_for_it(tool: Tool, database: Database) -> None:
    database.sql("CREATE TABLE gate ()")
    tool.prisma("migrate", "resolve", "--applied", "0", cwd=tool.project({"0": "SELECT 1"}), url=database.url)
    project = tool.project(GATED)
    with database.holding("LOCK TABLE gate"):
        first = tool.start("migrate", "deploy", cwd=project, url=database.url)
        wait_until("the first one's lock", lambda: database.sql(HELD) == "1")
        second = tool.start("migrate", "deploy", cwd=project, url=database.url)
        wait_until("the second one's wait", lambda: database.sql(WAITING) == "1")
        assert database.ledger("migration_name") == ["0"]

    assert first.wait().code == 0
    assert "No pending migrations to apply." in second.wait().stdout
    assert database.ledger("migration_name") == ["0", "1_gated"]


def test_the_wait_ends_after_ten_seconds_with_p1002(tool: Tool, database: Database) -> None:
    project = tool.project(ONE)
    with database.holding(f"SELECT pg_advisory_lock({LOCK})"):
        done = tool.prisma("migrate", "deploy", cwd=project, url=database.url)
        unlocked = tool.prisma(
            "migrate", "deploy", cwd=project, url=database.url, env={"PRISMA_SCHEMA_DISABLE_ADVISORY_LOCK": "1"}
        )

    assert done.code == 1
    assert done.stderr.startswith("Error: P1002\n\nThe database server at `")
    assert "Timed out trying to acquire a postgres advisory lock (SELECT pg_advisory_lock(72707369))" in done.stderr
    assert unlocked.code == 0, unlocked.stderr


def test_what_is_complete_needs_no_lock(tool: Tool, database: Database) -> None:
    project = tool.project({"1": "SELECT 1"})
    tool.prisma("migrate", "deploy", cwd=project, url=database.url)

    with database.holding(f"SELECT pg_advisory_lock({LOCK})"):
        done = tool.prisma("migrate", "deploy", cwd=project, url=database.url)

    assert done.code == 0, done.stderr
