"""`prisma migrate deploy`."""

from __future__ import annotations

import hashlib
import json

from tests.prisma.tool import EXTRAS, Database, Tool
from tests.support.postgres import Postgres

CATS = 'CREATE TABLE "Cat" (id int PRIMARY KEY, name text NOT NULL);'
SHIPPED = "SELECT count(*), count(finished_at), sum(applied_steps_count), count(logs), count(rolled_back_at)"


def test_every_shipped_migration_gives_the_schema_that_psql_gives(
    tool: Tool, server: Postgres, database: Database
) -> None:
    done = tool.prisma("migrate", "deploy", cwd=EXTRAS, url=database.url)

    assert done.code == 0, done.stderr
    assert "213 migrations found in prisma/migrations" in done.stdout
    assert "All migrations have been successfully applied." in done.stdout
    assert database.sql(f"{SHIPPED} FROM _prisma_migrations") == "213|213|213|0|0"
    by_hand = Database(server, f"{database.name}_by_hand")
    server.sql(f"CREATE DATABASE {by_hand.name}")
    by_hand.scripts(_scripts(tool))
    assert database.schema() == by_hand.schema()


def test_the_ledger_holds_name_checksum_and_times_of_each_migration(tool: Tool, database: Database) -> None:
    project = tool.project({"1_cats": CATS, "2_with a space": "SELECT 1"})

    tool.prisma("migrate", "deploy", cwd=project, url=database.url)

    sums = [hashlib.sha256(script.encode()).hexdigest() for script in (CATS, "SELECT 1")]
    columns = "migration_name, checksum, applied_steps_count, logs IS NULL, rolled_back_at IS NULL, length(id)"
    assert database.ledger(columns) == [f"1_cats|{sums[0]}|1|t|t|36", f"2_with a space|{sums[1]}|1|t|t|36"]
    assert database.ledger("finished_at >= started_at AND now() - started_at < interval '1 minute'") == ["t", "t"]


def test_a_second_run_finds_nothing_and_changes_nothing(tool: Tool, database: Database) -> None:
    project = tool.project({"1_cats": CATS})
    tool.prisma("migrate", "deploy", cwd=project, url=database.url)
    before = database.ledger("*")

    done = tool.prisma("migrate", "deploy", cwd=project, url=database.url)

    assert done.code == 0
    assert done.stdout.endswith("\nNo pending migrations to apply.\n")
    assert not done.stderr
    assert database.ledger("*") == before


def test_only_what_is_missing_is_applied(tool: Tool, database: Database) -> None:
    tool.prisma("migrate", "deploy", cwd=tool.project({"1_cats": CATS}), url=database.url)
    project = tool.project({"1_cats": CATS, "2_dogs": "CREATE TABLE dog ()"})

    done = tool.prisma("migrate", "deploy", cwd=project, url=database.url)

    assert "2_dogs/" in done.stdout
    assert "1_cats/" not in done.stdout
    assert database.ledger("migration_name") == ["1_cats", "2_dogs"]


def test_a_script_that_changed_since_is_left_alone(tool: Tool, database: Database) -> None:
    tool.prisma("migrate", "deploy", cwd=tool.project({"1_cats": CATS}), url=database.url)

    done = tool.prisma("migrate", "deploy", cwd=tool.project({"1_cats": f"{CATS} -- edited"}), url=database.url)

    assert done.code == 0
    assert "No pending migrations to apply." in done.stdout


def test_a_database_that_does_not_exist_is_created(tool: Tool, server: Postgres, database: Database) -> None:
    name = f"{database.name}_new"
    project = tool.project({"1_cats": CATS})

    done = tool.prisma("migrate", "deploy", cwd=project, url=server.url(name))

    assert done.code == 0, done.stderr
    assert f"PostgreSQL database {name} created at " in done.stdout
    assert Database(server, name).ledger("migration_name") == ["1_cats"]


def test_the_schema_of_the_url_is_created_and_used(tool: Tool, database: Database) -> None:
    url = f"{database.url}?schema=Some%20where"
    project = tool.project({"1_cats": CATS})

    first = tool.prisma("migrate", "deploy", cwd=project, url=url)
    second = tool.prisma("migrate", "deploy", cwd=project, url=url)

    assert (first.code, second.code) == (0, 0), first.stderr
    assert 'schema "Some where"' in first.stdout
    assert "No pending migrations" in second.stdout
    tables = "SELECT schemaname, tablename FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
    assert sorted(database.sql(tables).splitlines()) == ["Some where|Cat", "Some where|_prisma_migrations"]


def test_tables_without_a_ledger_are_refused(tool: Tool, database: Database) -> None:
    database.sql("CREATE TABLE stranger ()")

    done = tool.prisma("migrate", "deploy", cwd=tool.project({"1_cats": CATS}), url=database.url)

    assert done.code == 1
    assert done.stderr.startswith("Error: P3005\n\nThe database schema is not empty.")


def test_a_failing_script_is_rolled_back_reported_and_recorded(tool: Tool, database: Database) -> None:
    script = "CREATE TABLE half ();\n\nSELECT * FROM missing;\nSELECT 1;"
    project = tool.project({"1_cats": CATS, "2_bad": script, "3_never": "SELECT 1"})

    failed = tool.prisma("migrate", "deploy", cwd=project, url=database.url)
    again = tool.prisma("migrate", "deploy", cwd=project, url=database.url)

    assert failed.code == 1
    assert failed.stderr.startswith("Error: P3018\n\nA migration failed to apply.")
    assert "\nMigration name: 2_bad\n\nDatabase error code: 42P01\n\nDatabase error:\nERROR: relation" in failed.stderr
    assert failed.stderr.rstrip().endswith("Position:\n  1 CREATE TABLE half ();\n  2\n  3 SELECT * FROM missing;")
    assert database.sql("SELECT to_regclass('half')") == ""
    columns = "migration_name, applied_steps_count, finished_at IS NULL, rolled_back_at IS NULL"
    assert database.ledger(columns) == ["1_cats|1|f|t", "2_bad|0|t|t"]
    assert "Database error code: 42P01" in database.sql("SELECT logs FROM _prisma_migrations WHERE logs <> ''")
    assert again.code == 1
    assert again.stderr.startswith("Error: P3009\n\nmigrate found failed migrations in the target database")
    started = database.sql(
        "SELECT to_char(started_at, 'YYYY-MM-DD HH24:MI:SS.MS') FROM _prisma_migrations WHERE logs <> ''"
    )
    assert f"The `2_bad` migration started at {started} UTC failed" in again.stderr


def test_missing_rights_are_named(tool: Tool, server: Postgres, database: Database) -> None:
    role = f"{database.name}_reader"
    project = tool.project({"1_cats": CATS})
    tool.prisma("migrate", "deploy", cwd=project, url=database.url)
    server.sql(f"CREATE ROLE {role} LOGIN PASSWORD 'a%b@c'")
    database.sql(f"GRANT ALL ON _prisma_migrations TO {role}")
    url = server.url(database.name, user=role, password="a%b@c")

    project = tool.project({"1_cats": CATS, "2_owned": 'ALTER TABLE "Cat" ADD COLUMN age int'})
    done = tool.prisma("migrate", "deploy", cwd=project, url=url)

    assert done.code == 1
    assert "P3018" in done.stderr
    assert "Migration name: 2_owned\n\nDatabase error code: 42501\n" in done.stderr
    assert "must be owner of table Cat" in done.stderr


def test_scripts_of_every_manner_are_applied(tool: Tool, database: Database) -> None:
    scripts = {
        "01_dollars": "CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $body$ BEGIN RETURN 1; -- ; '\nEND $body$;",
        "02_comments": "/* ; /* nested */ ' */ CREATE TABLE a (i int, t text); INSERT INTO a VALUES (1, ';''') -- end",
        "03_own_transaction": "BEGIN; CREATE TABLE b (); COMMIT; CREATE TABLE c ();",
        "04_index": 'CREATE INDEX CONCURRENTLY IF NOT EXISTS "a ; i" ON a(i)',
        "05_index": "CREATE INDEX CONCURRENTLY a_i ON a(i)",
        "06_vacuum": "VACUUM a",
        "07_commit_inside": "DO $$ BEGIN CREATE TABLE d (); COMMIT; CREATE TABLE e (); END $$",
        "08_nothing": "-- nothing at all",
        "09_enum": "CREATE TYPE mood AS ENUM ('good')",
        "10_enum": "ALTER TYPE mood ADD VALUE 'bad'",
        "11_names": 'CREATE TABLE "q""; --" ()',
    }
    project = tool.project(scripts)

    done = tool.prisma("migrate", "deploy", cwd=project, url=database.url)

    assert done.code == 0, done.stderr
    assert database.ledger("migration_name") == sorted(scripts)
    assert set(database.ledger("applied_steps_count, finished_at IS NOT NULL, logs IS NULL")) == {"1|t|t"}
    tables = database.sql("SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace")
    assert sorted(tables.splitlines()) == sorted(["_prisma_migrations", "a", "b", "c", "d", "e", 'q"; --'])


def test_a_migration_without_a_script_is_named(tool: Tool, database: Database) -> None:
    project = tool.project({"1_empty": None})

    done = tool.prisma("migrate", "deploy", cwd=project, url=database.url)

    assert done.code == 1
    assert done.stderr.startswith("Error: P3015\n\nCould not find the migration file at ")
    assert "1_empty/migration.sql" in done.stderr


def test_another_provider_is_refused(tool: Tool, database: Database) -> None:
    project = tool.project({"1_cats": CATS})
    (tool.host_path(project) / "migrations" / "migration_lock.toml").write_text('provider = "mysql"\n')

    done = tool.prisma("migrate", "deploy", cwd=project, url=database.url)

    assert done.code == 1
    assert done.stderr.startswith("Error: P3019\n\n")


def test_nothing_is_written_to_the_container(tool: Tool, database: Database) -> None:
    before = tool.box.changes()

    tool.prisma("migrate", "deploy", cwd=tool.project({"1_cats": CATS}), url=database.url)

    assert tool.box.changes() == before
    assert tool.run(("find", "/tmp", "/run/slipway", "/var/lib/slipway", "-type", "f")).stdout == ""


def _scripts(tool: Tool) -> list[str]:
    """LiteLLM's migrations in the order of their names."""
    paths = f"sorted(glob.glob('{EXTRAS}/migrations/*/migration.sql'))"
    scripts: list[str] = json.loads(
        tool.box.python(f"import glob, json; print(json.dumps([open(p).read() for p in {paths}]))")
    )
    return scripts
