"""Migrations: one runner among any number, nothing half done, every failure named with its way out."""

from __future__ import annotations

import hashlib
import random
import time
from pathlib import Path

from tests.database.support import Site, assert_refused, wait_ready
from tests.support.soak import form

KILLS = form(4, 20)
REPLICAS = 5
FUTURE = "20991231000000_from_a_newer_image"
READER = "reader"


def record(name: str, sql: str) -> str:
    """The SQL of one row of the ledger, as Prisma's own command writes it."""
    checksum = hashlib.sha256(sql.encode()).hexdigest()
    return (
        "INSERT INTO _prisma_migrations (id, checksum, finished_at, migration_name, applied_steps_count) "
        f"VALUES (gen_random_uuid()::text, '{checksum}', now(), '{name}', 1);"
    )


def test_an_empty_database_is_migrated_and_the_next_run_changes_nothing(site: Site, migrations: dict[str, str]) -> None:
    database = site.database()
    listed = site.run(database, "migrate", "--dry-run")
    assert listed.stdout.splitlines() == list(migrations)
    assert site.postgres.sql("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'", database) == "0"
    first = site.run(database, "migrate")
    assert first.code == 0, first.output
    assert site.finished(database) == len(migrations)
    ledger = site.postgres.sql("SELECT md5(string_agg(m::text, ',' ORDER BY id)) FROM _prisma_migrations m", database)
    second = site.run(database, "migrate")
    assert second.code == 0, second.output
    assert "migrating" not in second.stderr
    assert (
        site.postgres.sql("SELECT md5(string_agg(m::text, ',' ORDER BY id)) FROM _prisma_migrations m", database)
        == ledger
    )
    assert site.run(database, "migrate", "--dry-run").stdout == ""


def test_the_ledger_reads_as_the_native_commands(site: Site, migrated: str, migrations: dict[str, str]) -> None:
    rows = site.postgres.sql(
        "SELECT migration_name || ' ' || checksum || ' ' || applied_steps_count || ' ' || coalesce(logs, '-') "
        "FROM _prisma_migrations ORDER BY migration_name",
        migrated,
    ).splitlines()
    expected = [f"{name} {hashlib.sha256(sql.encode()).hexdigest()} 1 -" for name, sql in sorted(migrations.items())]
    assert rows == expected


def test_one_of_five_replicas_migrates_and_all_become_ready(
    site: Site, migrations: dict[str, str], tmp_path: Path
) -> None:
    database = site.database()
    replicas = [site.gateway(database, tmp_path) for _ in range(REPLICAS)]
    for replica in replicas:
        wait_ready(replica)
    logs = [replica.logs() for replica in replicas]
    assert sum("migrating the database: " in log for log in logs) == 1
    assert site.finished(database) == len(migrations)
    for replica in replicas:
        replica.signal("KILL")


def test_a_runner_killed_at_any_moment_leaves_a_database_that_the_next_completes(
    site: Site, migrations: dict[str, str]
) -> None:
    longest = site.run(site.database(), "migrate").seconds
    chance = random.Random(20261121)
    for _ in range(KILLS):
        database = site.database()
        runner = site.lab.start(site.spec(database, "migrate"))
        # The moment is the test's subject, not a wait for something.
        time.sleep(chance.uniform(0.2, 1.0) * longest)
        if runner.running:
            runner.signal("KILL")
        runner.wait()
        done = site.run(database, "migrate")
        assert done.code == 0, done.output
        assert site.finished(database) == len(migrations)
        unfinished = "SELECT count(*) FROM _prisma_migrations WHERE finished_at IS NULL AND rolled_back_at IS NULL"
        assert site.postgres.sql(unfinished, database) == "0"


def test_a_broken_migration_is_named_with_its_error_and_its_way_out(
    site: Site, migrated: str, migrations: dict[str, str]
) -> None:
    database = site.copy(migrated)
    name = "20260418000000_add_adaptive_router_tables"
    # Its tables are there already, so it cannot run again.
    site.postgres.sql(f"DELETE FROM _prisma_migrations WHERE migration_name = '{name}'", database)
    done = site.run(database, "migrate")
    assert_refused(done, 69, name, "already exists", f"migrate --applied {name}")
    again = site.run(database, "migrate")
    assert_refused(again, 69, name)
    mended = site.run(database, "migrate", "--applied", name)
    assert mended.code == 0, mended.output
    last = site.run(database, "migrate")
    assert last.code == 0, last.output
    assert site.finished(database) == len(migrations)


def test_only_a_failed_migration_can_be_resolved(site: Site, migrated: str) -> None:
    assert_refused(site.run(migrated, "migrate", "--applied", "20250326162113_baseline"), 64, "not one that has failed")


def test_a_role_that_may_not_change_the_schema_is_told_before_anything_is_done(site: Site, migrated: str) -> None:
    database = site.copy(migrated)
    last = site.postgres.sql("SELECT max(migration_name) FROM _prisma_migrations", database)
    site.postgres.sql(f"CREATE ROLE {READER} LOGIN PASSWORD 'reader'")
    for statement in (
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {READER}",
        f"DELETE FROM _prisma_migrations WHERE migration_name = '{last}'",
    ):
        site.postgres.sql(statement, database)
    env = {"DATABASE_URL": site.postgres.url(database, user=READER, password="reader")}
    assert_refused(site.run(database, "migrate", env=env), 69, "may not change the schema", "GRANT")
    assert site.postgres.sql("SELECT count(*) FROM _prisma_migrations WHERE finished_at IS NULL", database) == "0"
    short = {**env, "SLIPWAY_MIGRATE": "require", "SLIPWAY_MIGRATE_TIMEOUT_SECONDS": "2"}
    assert_refused(site.run(database, "serve", env=short), 69, last, "SLIPWAY_MIGRATE=require")


def test_require_starts_without_rights_once_a_job_has_migrated(site: Site, migrated: str, tmp_path: Path) -> None:
    database = site.copy(migrated)
    site.postgres.sql("CREATE ROLE server LOGIN PASSWORD 'server'")
    site.postgres.sql("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO server", database)
    url = site.postgres.url(database, user="server", password="server")
    wait_ready(site.gateway(database, tmp_path, env={"DATABASE_URL": url, "SLIPWAY_MIGRATE": "require"}))


def test_the_history_of_an_older_release_is_completed(site: Site, migrations: dict[str, str], migrated: str) -> None:
    database = site.database()
    older = dict(list(migrations.items())[:150])
    ledger = site.postgres.exec("pg_dump", "--schema-only", "--table=_prisma_migrations", "--dbname", migrated)
    history = (f"{sql};\n{record(name, sql)}" for name, sql in older.items())
    site.postgres.sql("\n".join([ledger, "SET search_path = public;", *history]), database)
    done = site.run(database, "migrate")
    assert done.code == 0, done.output
    assert site.finished(database) == len(migrations)
    assert site.schema(database) == site.schema(migrated)


def test_a_schema_newer_than_the_image_is_refused_with_the_floor(site: Site, migrated: str, tmp_path: Path) -> None:
    database = site.copy(migrated)
    site.postgres.sql(record(FUTURE, "SELECT 1"), database)
    for command in ("migrate", "serve"):
        assert_refused(site.run(database, command), 69, FUTURE, "rollback")
    beyond = site.gateway(database, tmp_path, env={"SLIPWAY_MIGRATE": "off"})
    wait_ready(beyond)
    assert "schema-differs" in beyond.logs()


def test_litellms_own_word_leaves_the_schema_alone(site: Site, migrated: str, tmp_path: Path) -> None:
    database = site.copy(migrated)
    last = site.postgres.sql("SELECT max(migration_name) FROM _prisma_migrations", database)
    site.postgres.sql(f"DELETE FROM _prisma_migrations WHERE migration_name = '{last}'", database)
    box = site.gateway(database, tmp_path, env={"DISABLE_SCHEMA_UPDATE": "true"})
    wait_ready(box)
    assert "lacks 1 migrations" in box.logs()


def test_only_migrates_and_ends(site: Site, migrations: dict[str, str]) -> None:
    database = site.database()
    # Nobody is served, so no key is asked for.
    done = site.run(database, "serve", env={"SLIPWAY_MIGRATE": "only", "LITELLM_MASTER_KEY": None})
    assert done.code == 0, done.output
    assert site.finished(database) == len(migrations)
