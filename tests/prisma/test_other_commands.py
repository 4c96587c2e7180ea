"""`migrate diff`, `db execute`, `db push`, `generate`, `--version`, and words that are no command."""

from __future__ import annotations

import re

import pytest

from tests.prisma.tool import EXTRAS, SCHEMA, Database, Tool

CATS = 'CREATE TABLE "Cat" (id int PRIMARY KEY, name text NOT NULL);'
DRIFT = ("migrate", "diff", "--from-schema-datasource", "schema.prisma", "--to-schema-datamodel", "schema.prisma")


def test_diff_without_a_difference(tool: Tool, database: Database) -> None:
    database.sql(CATS)
    project = tool.project({})

    done = tool.prisma(*DRIFT, "--exit-code", cwd=project, url=database.url)
    script = tool.prisma(*DRIFT, "--script", cwd=project, url=database.url)

    assert (done.code, done.stdout) == (0, "No difference detected.\n")
    assert (script.code, script.stdout) == (0, "-- This is an empty migration.\n")


def test_diff_with_a_difference(tool: Tool, database: Database) -> None:
    project = tool.project({})

    coded = tool.prisma(*DRIFT, "--exit-code", cwd=project, url=database.url)
    plain = tool.prisma(*DRIFT, cwd=project, url=database.url)
    from_url = ("migrate", "diff", "--from-url", database.url, "--to-schema-datamodel", "./schema.prisma", "--script")
    script = tool.prisma(*from_url, cwd=project)

    assert (coded.code, plain.code, script.code) == (2, 0, 0)
    assert "Cat" in coded.stdout
    assert '-- CreateTable\nCREATE TABLE "Cat" (\n' in script.stdout


def test_diff_to_a_database_renders_it(tool: Tool, database: Database) -> None:
    database.sql(CATS)

    done = tool.prisma("migrate", "diff", "--from-empty", "--to-url", database.url, "--script", cwd="/tmp")

    assert done.code == 0, done.stderr
    assert '"Cat" (\n    "id" INTEGER NOT NULL,\n    "name" TEXT NOT NULL,' in done.stdout


def test_diff_of_two_files_needs_no_database(tool: Tool) -> None:
    done = tool.prisma(
        "migrate", "diff", "--from-empty", "--to-schema-datamodel", "schema.prisma", "--script", cwd=tool.project({})
    )

    assert done.code == 0, done.stderr
    assert 'CREATE TABLE "Cat"' in done.stdout


def test_a_slow_reader_gets_everything(tool: Tool) -> None:
    """More than a pipe holds, while the command has nothing else to do than to end."""
    diff = "prisma migrate diff --from-empty --to-schema-datamodel schema.prisma --script"
    whole = tool.run(("sh", "-c", f"{diff} >/tmp/whole && wc -c </tmp/whole"), cwd=EXTRAS)
    slow = tool.run(("sh", "-c", f"{diff} | (sleep 1; wc -c)"), cwd=EXTRAS)
    assert int(slow.stdout) == int(whole.stdout) > 65536


def test_diff_takes_no_lock(tool: Tool, database: Database) -> None:
    with database.holding("SELECT pg_advisory_lock(72707369)"):
        done = tool.prisma(*DRIFT, "--exit-code", cwd=tool.project({}), url=database.url)

    assert done.code == 2, done.stderr


def test_diff_that_cannot_be_made_ends_with_1(tool: Tool) -> None:
    project = tool.project({})

    away = tool.prisma(*DRIFT, "--exit-code", cwd=project, url="postgresql://u:s3cret@127.0.0.1:1/d")
    half = tool.prisma("migrate", "diff", "--from-empty", cwd=project)
    broken = tool.project({}, SCHEMA.replace("Int ", "Integer "))
    invalid = tool.prisma("migrate", "diff", "--from-empty", "--to-schema-datamodel", "schema.prisma", cwd=broken)

    assert (away.code, half.code, invalid.code) == (1, 1, 1)
    assert away.stderr.startswith("Error: P1001\n\nCan't reach database server at `127.0.0.1:1`")
    assert "s3cret" not in away.stderr
    assert "0 `--to-...` parameter(s) provided. 1 must be provided." in half.stderr
    assert "P1012" in invalid.stderr


def test_execute_sends_a_file_or_standard_input_whole(tool: Tool, database: Database) -> None:
    script = "DO $$ BEGIN CREATE TABLE one (); CREATE TABLE two (); END $$; CREATE TABLE three ();"
    project = tool.project({"1": script})
    path = f"{project}/migrations/1/migration.sql"

    by_file = tool.prisma("db", "execute", "--file", path, "--schema", "schema.prisma", cwd=project, url=database.url)
    stdin = f"sed s/TABLE/TEMP\\ TABLE/g {path} | prisma db execute --stdin --url {database.url}"
    by_stdin = tool.run(("sh", "-c", stdin))

    for done in (by_file, by_stdin):
        assert (done.code, done.stdout) == (0, "Script executed successfully.\n"), done.stderr
    tables = "SELECT count(*) FROM pg_class WHERE relname IN ('one', 'two', 'three') AND relkind = 'r'"
    assert database.sql(tables) == "3"


def test_execute_is_all_or_nothing_and_says_what_the_database_said(tool: Tool, database: Database) -> None:
    project = tool.project({"1": "CREATE TABLE half (); SELECT 1/0"})

    script = f"{project}/migrations/1/migration.sql"
    done = tool.prisma("db", "execute", "--file", script, "--url", database.url, cwd=project)

    assert done.code == 1
    assert done.stderr.startswith("Error: ERROR: division by zero")
    assert database.sql("SELECT to_regclass('half')") == ""


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "Either --stdin or --file must be provided."),
        (("--stdin", "--file", "x"), "--stdin and --file cannot be used at the same time."),
        (("--file", "nothing.sql", "--url", "postgresql://u:p@h/d"), "Provided --file at nothing.sql doesn't exist."),
        (("--file", "/dev/null"), "Either --url or --schema must be provided."),
    ],
)
def test_execute_wants_one_script_and_one_database(tool: Tool, arguments: tuple[str, ...], says: str) -> None:
    done = tool.prisma("db", "execute", *arguments, cwd="/tmp")

    assert done.code == 1
    assert says in done.stderr


def test_push_brings_the_database_to_the_schema(tool: Tool, database: Database) -> None:
    project = tool.project({})

    first = tool.prisma("db", "push", "--skip-generate", cwd=project, url=database.url)
    second = tool.prisma("db", "push", "--skip-generate", cwd=project, url=database.url)

    assert (first.code, second.code) == (0, 0), first.stderr
    assert "Your database is now in sync with your Prisma schema." in first.stdout
    assert "The database is already in sync with the Prisma schema." in second.stdout
    assert database.sql("SELECT to_regclass('_prisma_migrations')") == ""


def test_push_loses_data_only_when_told_to(tool: Tool, database: Database) -> None:
    project = tool.project({})
    database.sql("CREATE TABLE kept (i int); INSERT INTO kept VALUES (1)")

    refused = tool.prisma("db", "push", "--skip-generate", cwd=project, url=database.url)
    there = database.sql("SELECT count(*) FROM kept")
    done = tool.prisma("db", "push", "--skip-generate", "--accept-data-loss", cwd=project, url=database.url)

    assert refused.code == 1
    assert "You are about to drop the `kept` table, which is not empty (1 rows)." in refused.stdout
    assert "--accept-data-loss" in refused.stderr
    assert there == "1"
    assert done.code == 0, done.stderr
    assert database.sql("SELECT to_regclass('kept')") == ""


def test_push_resets_when_told_to(tool: Tool, database: Database) -> None:
    database.sql("CREATE TABLE kept (i int); INSERT INTO kept VALUES (1)")

    done = tool.prisma("db", "push", "--skip-generate", "--force-reset", cwd=tool.project({}), url=database.url)

    assert done.code == 0, done.stderr
    assert "was successfully reset." in done.stdout
    assert database.sql("SELECT to_regclass('kept'), to_regclass('\"Cat\"')") == '|"Cat"'


def test_generate_knows_the_client_of_the_image(tool: Tool) -> None:
    own = tool.prisma("generate", cwd=EXTRAS)
    other = tool.prisma("generate", cwd=tool.project({}))

    assert own.code == 0, own.stderr
    assert "part of the image" in own.stdout
    assert other.code == 1
    assert "schema.prisma is another one" in other.stderr


def test_version_and_help(tool: Tool) -> None:
    version = tool.prisma("--version", cwd="/tmp")
    usage = tool.prisma("--help", cwd="/tmp")

    assert (version.code, usage.code) == (0, 0)
    assert re.search(r"^prisma +: 6\.19\.3", version.stdout)
    assert "prisma migrate deploy" in usage.stdout


@pytest.mark.parametrize("words", [("nonsense",), ("migrate", "reset"), ("migrate", "deploy", "--nonsense", "s3cret")])
def test_what_it_does_not_know_it_refuses(tool: Tool, words: tuple[str, ...]) -> None:
    done = tool.prisma(*words, cwd="/tmp")

    assert done.code == 1
    assert done.stderr.startswith("\n! ")
    assert "s3cret" not in done.stderr
