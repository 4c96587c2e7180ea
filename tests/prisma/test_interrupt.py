"""What an end in the middle of `migrate deploy` leaves: all of a migration with its row, or nothing of it."""

from __future__ import annotations

import random
from signal import SIGINT, SIGKILL, SIGTERM, Signals

import pytest

from tests.prisma.tool import EXTRAS, Database, Tool, kills
from tests.support.lab import wait_until

SLOW = {"1_slow": "CREATE TABLE slow (); SELECT pg_sleep(600)", "2_next": "CREATE TABLE next ()"}
# Cannot run in a transaction: its row is written before it and finished after it.
ALONE = {"1_alone": "BEGIN; CREATE TABLE alone (); COMMIT; SELECT pg_sleep(3)", "2_next": "CREATE TABLE next ()"}
SLEEPING = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep%' AND pid <> pg_backend_pid()"
LONGEST = 2.0


def test_no_row_is_seen_while_a_script_runs(tool: Tool, database: Database) -> None:
    running = tool.start("migrate", "deploy", cwd=tool.project(SLOW), url=database.url)
    wait_until("the script", lambda: database.sql(SLEEPING) == "1")

    assert database.ledger("migration_name") == []
    running.signal(SIGKILL)


@pytest.mark.parametrize("signal", [SIGTERM, SIGINT])
def test_a_signal_cancels_the_script_and_leaves_nothing_of_it(tool: Tool, database: Database, signal: Signals) -> None:
    running = tool.start("migrate", "deploy", cwd=tool.project(SLOW), url=database.url)
    wait_until("the script", lambda: database.sql(SLEEPING) == "1")

    running.signal(signal)

    assert running.wait(10).code == 128 + signal
    wait_until("the server's end of it", lambda: database.sql(SLEEPING) == "0", 10)
    assert database.ledger("migration_name") == []
    assert database.sql("SELECT to_regclass('slow')") == ""
    after = tool.prisma("migrate", "deploy", cwd=tool.project({"2_next": SLOW["2_next"]}), url=database.url)
    assert after.code == 0, after.stderr


def test_a_script_that_cannot_be_undone_is_finished_first(tool: Tool, database: Database) -> None:
    project = tool.project(ALONE)
    running = tool.start("migrate", "deploy", cwd=project, url=database.url)
    wait_until("the script", lambda: database.sql(SLEEPING) == "1")

    running.signal(SIGTERM)
    done = running.wait()

    assert done.code == 128 + SIGTERM
    assert "Stopping after migration 1_alone, which cannot be undone half-way." in done.stderr
    assert database.ledger("migration_name, finished_at IS NOT NULL") == ["1_alone|t"]
    assert tool.prisma("migrate", "deploy", cwd=project, url=database.url).code == 0


def test_killed_in_such_a_script_its_row_stays_open_as_with_the_native_engine(tool: Tool, database: Database) -> None:
    project = tool.project(ALONE)
    running = tool.start("migrate", "deploy", cwd=project, url=database.url)
    wait_until("the script", lambda: database.sql(SLEEPING) == "1")

    running.signal(SIGKILL)
    wait_until("the server's end of it", lambda: database.sql(SLEEPING) == "0")
    done = tool.prisma("migrate", "deploy", cwd=project, url=database.url)

    assert database.ledger("migration_name, applied_steps_count, finished_at IS NULL") == ["1_alone|0|t"]
    assert "P3009" in done.stderr
    assert tool.prisma("migrate", "resolve", "--applied", "1_alone", cwd=project, url=database.url).code == 0
    assert tool.prisma("migrate", "deploy", cwd=project, url=database.url).code == 0
    assert database.sql("SELECT to_regclass('next')") == "next"


def test_an_index_whose_building_was_ended_is_built_anew(tool: Tool, database: Database) -> None:
    database.sql("CREATE TABLE a (i int)")
    tool.prisma("migrate", "resolve", "--applied", "0", cwd=tool.project({"0": "SELECT 1"}), url=database.url)
    project = tool.project({"0": "SELECT 1", "1_index": 'CREATE INDEX CONCURRENTLY IF NOT EXISTS "A i" ON a(i)'})
    valid = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('\"A i\"')"
    with database.holding("LOCK TABLE a IN ROW EXCLUSIVE MODE"):
        running = tool.start("migrate", "deploy", cwd=project, url=database.url)
        wait_until("the unfinished index", lambda: database.sql(valid) == "f")
        running.signal(SIGTERM)
        assert running.wait(10).code == 128 + SIGTERM
    assert database.ledger("migration_name") == ["0"]

    done = tool.prisma("migrate", "deploy", cwd=project, url=database.url)

    assert done.code == 0, done.stderr
    assert database.sql(valid) == "t"
    assert database.ledger("migration_name") == ["0", "1_index"]


def test_killed_at_any_moment_the_next_run_completes(tool: Tool, database: Database) -> None:
    for _ in range(kills(5)):
        after = random.uniform(0.05, LONGEST)
        tool.ended_after(after, SIGKILL, "migrate", "deploy", cwd=EXTRAS, url=database.url)
        assert database.failed() == [], f"killed after {after} s"

    done = tool.prisma("migrate", "deploy", cwd=EXTRAS, url=database.url)

    assert done.code == 0, done.stderr
    counts = "count(*), count(finished_at), sum(applied_steps_count), count(logs), count(rolled_back_at)"
    assert database.sql(f"SELECT {counts} FROM _prisma_migrations") == "213|213|213|0|0"
