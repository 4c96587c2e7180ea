"""LiteLLM's own database manager over the command, as the gateway's start uses it."""

from __future__ import annotations

import random
from signal import SIGKILL
from typing import Final

import pytest

from tests.prisma.tool import EXTRAS, KILLER, Database, Done, Tool, kills

SETUP: Final = """
import logging, sys
# Neither is needed for migrations, and both take seconds to import.
sys.modules["litellm"] = sys.modules["prisma"] = None
from litellm_proxy_extras.utils import ProxyExtrasDBManager
logging.basicConfig(level=logging.INFO)
done = ProxyExtrasDBManager.setup_database(use_migrate=sys.argv[1] != "push", use_v2_resolver=sys.argv[1] == "v2")
print("done:", done)
"""
COMPLETE: Final = "213|213|0"
COUNTS: Final = "SELECT count(*), count(finished_at), count(rolled_back_at) FROM _prisma_migrations"


def setup(tool: Tool, database: Database, way: str = "v2") -> Done:
    return tool.run(("python", "-c", SETUP, way), url=database.url)


@pytest.mark.parametrize("way", ["v2", "v1"])
def test_an_empty_database_is_set_up_and_then_left_alone(tool: Tool, database: Database, way: str) -> None:
    first = setup(tool, database, way)
    schema = database.schema()
    second = setup(tool, database, way)

    assert "done: True" in first.stdout, first.stderr
    assert "done: True" in second.stdout, second.stderr
    assert "Prisma CLI toolchain ready" in first.stderr + first.stdout
    assert database.sql(COUNTS) == COMPLETE
    assert database.schema() == schema


def test_a_database_without_history_is_adopted_when_its_schema_is_this_one(tool: Tool, database: Database) -> None:
    assert "done: True" in setup(tool, database, "push").stdout
    assert database.sql("SELECT to_regclass('_prisma_migrations')") == ""

    done = setup(tool, database)

    assert "done: True" in done.stdout, done.stderr
    assert database.sql(COUNTS) == COMPLETE


def test_a_database_without_history_is_refused_when_its_schema_is_another(tool: Tool, database: Database) -> None:
    database.sql("CREATE TABLE stranger ()")

    done = setup(tool, database)

    assert "Cannot automatically baseline this database" in done.stderr
    assert database.sql("SELECT to_regclass('_prisma_migrations')") == ""


def test_a_migration_that_lacks_only_its_end_is_finished(tool: Tool, database: Database) -> None:
    """As the native engine leaves it when it is killed between its last two statements."""
    tool.prisma("migrate", "deploy", cwd=EXTRAS, url=database.url)
    last = "(SELECT max(migration_name) FROM _prisma_migrations)"
    database.sql(f"UPDATE _prisma_migrations SET finished_at = NULL WHERE migration_name = {last}")

    done = setup(tool, database)

    assert "done: True" in done.stdout, done.stderr
    assert database.sql(COUNTS) == COMPLETE


def test_a_failed_migration_of_unknown_outcome_stops_the_start(tool: Tool, database: Database) -> None:
    tool.prisma("migrate", "deploy", cwd=EXTRAS, url=database.url)
    last = database.sql("SELECT max(migration_name) FROM _prisma_migrations")
    open_row = "finished_at = NULL, applied_steps_count = 0"
    database.sql(f"UPDATE _prisma_migrations SET {open_row} WHERE migration_name = '{last}'")

    done = setup(tool, database)

    assert "Migration completion could not be verified" in done.stderr
    assert f"The `{last}` migration started at " in done.stderr


def test_missing_rights_stop_the_start(tool: Tool, database: Database) -> None:
    role = f"{database.name}_user"
    database.sql(f"CREATE ROLE {role} LOGIN PASSWORD 'secret-word'; GRANT CREATE ON SCHEMA public TO {role}")
    database.sql(
        "CREATE TABLE _prisma_migrations (id varchar(36) PRIMARY KEY, checksum varchar(64) NOT NULL,"
        " finished_at timestamptz, migration_name varchar(255) NOT NULL, logs text, rolled_back_at timestamptz,"
        " started_at timestamptz NOT NULL DEFAULT now(), applied_steps_count int NOT NULL DEFAULT 0)"
    )
    database.sql(f'GRANT ALL ON _prisma_migrations TO {role}; CREATE TABLE "LiteLLM_BudgetTable" ()')
    url = database.postgres.url(database.name, user=role, password="secret-word")

    done = tool.run(("python", "-c", SETUP, "v2"), url=url)

    assert "done: True" not in done.stdout
    assert "Database migration failed" in done.stderr
    assert "secret-word" not in done.stdout + done.stderr


def test_killed_at_any_moment_the_next_start_completes(tool: Tool, database: Database) -> None:
    """The command and what called it, as a container dies."""
    for _ in range(kills(3)):
        command = ("python", "-c", KILLER, str(random.uniform(0.3, 3)), str(int(SIGKILL)), "python", "-c", SETUP, "v2")
        tool.run(command, url=database.url)
        tool.box.python(ORPHANS)

    done = setup(tool, database)

    assert "done: True" in done.stdout, done.stderr
    assert database.sql(COUNTS) == COMPLETE


# LiteLLM starts the command in a session of its own, so it outlives its caller here; in a dying container nothing does.
ORPHANS: Final = """
import os, signal
for pid in filter(str.isdigit, os.listdir("/proc")):
    try:
        if open(f"/proc/{pid}/comm").read().strip() == "prisma":
            os.kill(int(pid), signal.SIGKILL)
    except (FileNotFoundError, ProcessLookupError):
        pass
"""
