"""`prisma migrate resolve` and `prisma migrate status`."""

from __future__ import annotations

import pytest

from tests.prisma.tool import Database, Tool

GOOD = "CREATE TABLE good ();"
BAD = "CREATE TABLE bad (); SELECT 1/0;"


@pytest.fixture
def failed(tool: Tool, database: Database) -> str:
    """A project whose second migration failed in the database."""
    project = tool.project({"1_good": GOOD, "2_bad": BAD})
    assert tool.prisma("migrate", "deploy", cwd=project, url=database.url).code == 1
    return project


def test_rolled_back_means_that_it_is_tried_again(tool: Tool, database: Database, failed: str) -> None:
    done = tool.prisma("migrate", "resolve", "--rolled-back", "2_bad", cwd=failed, url=database.url)

    assert done.code == 0, done.stderr
    assert "\nMigration 2_bad marked as rolled back.\n" in done.stdout
    assert database.failed() == []
    (tool.host_path(failed) / "migrations/2_bad/migration.sql").write_text("CREATE TABLE bad ();")
    assert tool.prisma("migrate", "deploy", cwd=failed, url=database.url).code == 0
    columns = "migration_name, rolled_back_at IS NULL, finished_at IS NULL, applied_steps_count"
    assert database.ledger(columns) == ["1_good|t|f|1", "2_bad|f|t|0", "2_bad|t|f|1"]


def test_applied_means_that_it_is_not(tool: Tool, database: Database, failed: str) -> None:
    done = tool.prisma("migrate", "resolve", "--applied", "2_bad", cwd=failed, url=database.url)

    assert done.code == 0, done.stderr
    assert "\nMigration 2_bad marked as applied.\n" in done.stdout
    assert "No pending" in tool.prisma("migrate", "deploy", cwd=failed, url=database.url).stdout
    assert database.sql("SELECT to_regclass('bad')") == ""


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (
            ("--applied", "1_good"),
            "Error: P3008\n\nThe migration `1_good` is already recorded as applied in the database.",
        ),
        (("--rolled-back", "3_none"), "Error: P3011\n\nMigration `3_none` cannot be rolled back because it was never"),
        (
            ("--rolled-back", "1_good"),
            "Error: P3012\n\nMigration `1_good` cannot be rolled back because it is not in a",
        ),
        (("--applied", "3_none"), "Error: P3017\n\nThe migration 3_none could not be found."),
        ((), "Error: --applied or --rolled-back must be part of the command"),
        (("--applied", "a", "--rolled-back", "b"), "Error: Pass either --applied or --rolled-back, not both."),
    ],
)
def test_what_cannot_be_resolved_says_why(
    tool: Tool, database: Database, failed: str, arguments: tuple[str, ...], says: str
) -> None:
    done = tool.prisma("migrate", "resolve", *arguments, cwd=failed, url=database.url)

    assert done.code == 1
    assert done.stderr.startswith(says)


def test_a_database_without_a_ledger_is_baselined(tool: Tool, database: Database) -> None:
    database.sql(GOOD)
    project = tool.project({"1_good": GOOD})

    done = tool.prisma("migrate", "resolve", "--applied", "1_good", cwd=project, url=database.url)

    assert done.code == 0, done.stderr
    assert tool.prisma("migrate", "status", cwd=project, url=database.url).code == 0


def test_status_of_a_database_that_is_behind(tool: Tool, database: Database) -> None:
    project = tool.project({"1_good": GOOD, "2_more": "SELECT 1"})

    done = tool.prisma("migrate", "status", cwd=project, url=database.url)

    assert done.code == 1
    assert "2 migrations found in prisma/migrations\n" in done.stdout
    assert "Following migrations have not yet been applied:\n1_good\n2_more\n" in done.stdout


def test_status_of_a_failed_migration(tool: Tool, database: Database, failed: str) -> None:
    done = tool.prisma("migrate", "status", cwd=failed, url=database.url)

    assert done.code == 1
    assert "Following migration have failed:\n2_bad\n" in done.stderr
    assert 'prisma migrate resolve --rolled-back "2_bad"' in done.stderr


def test_status_of_histories_that_diverge(tool: Tool, database: Database) -> None:
    tool.prisma("migrate", "deploy", cwd=tool.project({"1_good": GOOD, "2_theirs": "SELECT 1"}), url=database.url)

    done = tool.prisma("migrate", "status", cwd=tool.project({"1_good": GOOD, "2_ours": "SELECT 1"}), url=database.url)

    assert done.code == 1
    assert "The last common migration is: 1_good\n" in done.stderr
    assert "are not found locally in prisma/migrations:\n2_theirs\n" in done.stderr


def test_status_of_a_database_that_is_up_to_date(tool: Tool, database: Database) -> None:
    project = tool.project({"1_good": GOOD})
    tool.prisma("migrate", "deploy", cwd=project, url=database.url)

    done = tool.prisma("migrate", "status", cwd=project, url=database.url)

    assert done.code == 0, done.stderr
    assert done.stdout.endswith("\nDatabase schema is up to date!\n")
