"""How the command finds its database, and what it says when it does not reach it."""

from __future__ import annotations

from signal import SIGKILL

import pytest

from tests.prisma.tool import SCHEMA, Database, Tool
from tests.support.lab import wait_until
from tests.support.postgres import Postgres

CATS = {"1_cats": 'CREATE TABLE "Cat" (id int PRIMARY KEY, name text NOT NULL);'}
CHECKED = (("migrate", "deploy"), ("migrate", "status"), ("migrate", "resolve", "--applied", "1_cats"), ("db", "push"))


@pytest.mark.parametrize("command", CHECKED, ids=" ".join)
def test_a_wrong_password_is_p1000(tool: Tool, server: Postgres, database: Database, command: tuple[str, ...]) -> None:
    url = server.url(database.name, password="not-the-password")

    done = tool.prisma(*command, cwd=tool.project(CATS), url=url)

    assert done.code == 1
    assert done.stderr.startswith("Error: P1000: Authentication failed against database server at ")
    assert "not-the-password" not in done.stdout + done.stderr


@pytest.mark.parametrize("command", CHECKED, ids=" ".join)
def test_a_server_that_does_not_answer_is_p1001(tool: Tool, command: tuple[str, ...]) -> None:
    url = "postgresql://someone:s3cret@127.0.0.1/data"

    done = tool.prisma(*command, cwd=tool.project(CATS), url=url)

    assert done.code == 1
    assert done.stderr.startswith("Error: P1001: Can't reach database server at `127.0.0.1:5432`")
    assert "s3cret" not in done.stdout + done.stderr


def test_a_name_that_leads_nowhere_is_p1001(tool: Tool) -> None:
    done = tool.prisma("migrate", "status", cwd=tool.project(CATS), url="postgresql://someone:s3cret@nowhere.invalid/d")

    assert done.code == 1
    assert done.stderr.startswith("Error: P1001: Can't reach database server at `nowhere.invalid:5432`")


def test_the_time_to_connect_is_bounded(tool: Tool) -> None:
    # 192.0.2.0/24 leads nowhere; on an internal network it has no route, which may show earlier.
    url = "postgresql://someone:s3cret@192.0.2.1/data?connect_timeout=1"

    done = tool.prisma("migrate", "status", cwd=tool.project(CATS), url=url)

    assert "P1001" in done.stderr


def test_commands_that_do_not_create_a_database_name_the_missing_one(tool: Tool, server: Postgres) -> None:
    done = tool.prisma("migrate", "status", cwd=tool.project(CATS), url=server.url("absent"))

    assert done.code == 1
    assert done.stderr.startswith("Error: P1003: Database `absent` does not exist on the database server at `")


def test_a_refused_role_is_p1010(tool: Tool, server: Postgres, database: Database) -> None:
    server.sql(
        f"CREATE ROLE {database.name}_out LOGIN PASSWORD 'x'; REVOKE CONNECT ON DATABASE {database.name} FROM public"
    )

    url = server.url(database.name, user=f"{database.name}_out", password="x")
    done = tool.prisma("migrate", "status", cwd=tool.project(CATS), url=url)

    assert done.code == 1
    assert "P1010: User `" in done.stderr


def test_a_server_without_tls_is_used_unless_tls_is_required(tool: Tool, database: Database) -> None:
    project = tool.project(CATS)

    preferred = tool.prisma("migrate", "deploy", cwd=project, url=f"{database.url}?sslmode=prefer")
    required = tool.prisma("migrate", "deploy", cwd=project, url=f"{database.url}?sslmode=require")

    assert preferred.code == 0, preferred.stderr
    assert required.code == 1
    assert required.stderr.startswith("Error: P1011: Error opening a TLS connection: ")


def test_parameters_of_the_url_reach_the_session(tool: Tool, database: Database) -> None:
    options = "options=-c%20statement_timeout%3D12345"
    url = f"{database.url}?application_name=mover&{options}&pgbouncer=true&connection_limit=1&socket_timeout=30"
    script = "CREATE TABLE seen AS SELECT current_setting('application_name') || current_setting('statement_timeout')"

    done = tool.prisma("migrate", "deploy", cwd=tool.project({"1": script}), url=url)

    assert done.code == 0, done.stderr
    assert database.sql("TABLE seen") == "mover12345ms"


def test_variables_of_libpq_mean_nothing(tool: Tool, database: Database) -> None:
    env = {"PGHOST": "nowhere", "PGPASSWORD": "other", "PGOPTIONS": "-c nonsense=1", "PGSSLMODE": "verify-full"}

    done = tool.prisma("migrate", "deploy", cwd=tool.project(CATS), url=database.url, env=env)

    assert done.code == 0, done.stderr


@pytest.mark.parametrize(
    ("env", "says"),
    [
        ({}, "Environment variable not found: DATABASE_URL."),
        ({"DATABASE_URL": ""}, "The environment variable `DATABASE_URL` resolved to an empty string."),
        (
            {"DATABASE_URL": "mysql://u:s3cret@h/d"},
            "the URL must start with the protocol `postgresql://` or `postgres://`",
        ),
        ({"DATABASE_URL": "postgresql://u:s3cret%zz@h/d"}, "The provided database string is invalid."),
    ],
)
def test_an_unusable_url_is_named_and_not_shown(tool: Tool, env: dict[str, str], says: str) -> None:
    done = tool.prisma("migrate", "deploy", cwd=tool.project(CATS), env=env)

    assert done.code == 1
    assert says in done.stderr
    assert "s3cret" not in done.stdout + done.stderr


def test_the_schema_is_found_where_prisma_finds_it(tool: Tool, database: Database) -> None:
    project = tool.project(CATS)
    nested = tool.host_path(project) / "nested" / "prisma"
    nested.mkdir(parents=True)
    (nested / "schema.prisma").write_text(SCHEMA)

    here = tool.prisma("migrate", "deploy", cwd=project, url=database.url)
    below = tool.prisma("migrate", "status", cwd=f"{project}/nested", url=database.url)
    named = tool.prisma("migrate", "status", "--schema", f"{project}/schema.prisma", cwd="/tmp", url=database.url)
    none = tool.prisma("migrate", "status", cwd="/tmp", url=database.url)

    assert "Prisma schema loaded from schema.prisma\n" in here.stdout
    assert "Prisma schema loaded from prisma/schema.prisma\n" in below.stdout
    assert "No migration found in prisma/migrations" in below.stdout
    assert named.code == 0, named.stderr
    assert none.code == 1
    assert "Could not find Prisma Schema" in none.stderr


def test_a_direct_url_goes_before_the_url(tool: Tool, database: Database) -> None:
    schema = SCHEMA.replace('env("DATABASE_URL")', 'env("DATABASE_URL")\n  directUrl = env("DIRECT_URL")')
    project = tool.project(CATS, schema)

    env = {"DIRECT_URL": database.url}
    done = tool.prisma("migrate", "deploy", cwd=project, url="postgresql://u:p@nowhere.invalid/d", env=env)

    assert done.code == 0, done.stderr


def test_the_list_of_processes_shows_its_name_and_no_password(tool: Tool, database: Database) -> None:
    project = tool.project({"1": "SELECT pg_sleep(600)"})
    script = f"{project}/migrations/1/migration.sql"
    running = tool.start("db", "execute", "--url", database.url, "--file", script, cwd="/tmp", url=database.url)
    asleep = "SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(600)'"
    wait_until("the script", lambda: database.sql(asleep) == "1")

    shown = tool.box.python(f"print(open('/proc/{running.pid()}/cmdline').read().strip(chr(0)))")

    assert shown.strip() == "prisma"
    running.signal(SIGKILL)
