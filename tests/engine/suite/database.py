"""The suite's own look at the database: an independent driver, so that no fault of the engine hides another."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import psycopg
from psycopg.rows import dict_row

TABLES = Path(__file__).resolve().parents[1] / "schema.sql"
Row = dict[str, Any]


def with_parameters(url: str, **parameters: object) -> str:
    """`url` with these of Prisma's parameters added, or replaced."""
    parts = urlsplit(url)
    merged = dict(parse_qsl(parts.query)) | {name: str(value) for name, value in parameters.items()}
    return urlunsplit(parts._replace(query=urlencode(merged)))


def replaced(url: str, **changes: object) -> str:
    """`url` with another user, password, host, port or database (already quoted)."""
    parts = urlsplit(url)
    values = {
        "user": parts.username,
        "password": parts.password,
        "host": parts.hostname,
        "port": parts.port or 5432,
        "database": parts.path.lstrip("/"),
    } | changes
    place = "{user}:{password}@{host}:{port}".format(**values)
    return urlunsplit(parts._replace(netloc=place, path=f"/{values['database']}"))


class Database:
    """SQL by psycopg, as a superuser, each statement in a transaction of its own."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._connection = psycopg.connect(
            urlunsplit(urlsplit(url)._replace(query="")), autocommit=True, row_factory=dict_row
        )

    def close(self) -> None:
        self._connection.close()

    def run(self, statement: str, *values: object) -> list[Row]:
        cursor = self._connection.execute(statement, values or None)
        return cursor.fetchall() if cursor.description else []

    def value(self, statement: str, *values: object) -> Any:
        """The only column of the only row."""
        (row,) = self.run(statement, *values)
        (value,) = row.values()
        return value

    @property
    def version(self) -> int:
        """The major version, such as 17."""
        return self._connection.info.server_version // 10000

    def create_tables(self) -> None:
        self.run("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        self.run(TABLES.read_text())

    def empty(self) -> None:
        """Remove all rows; foreign keys rest meanwhile."""
        tables = self.run("SELECT quote_ident(tablename) AS name FROM pg_tables WHERE schemaname = 'public'")
        deletions = "; ".join(f"DELETE FROM {table['name']}" for table in tables)
        self.run(f"BEGIN; SET LOCAL session_replication_role = replica; {deletions}; COMMIT")

    def connections(self, application: str) -> list[Row]:
        """The server's processes of the clients with this application_name."""
        return self.run("SELECT pid, state, query FROM pg_stat_activity WHERE application_name = %s", application)

    @contextmanager
    def schema(self, name: str) -> Iterator[str]:
        """Another schema, for as long as the context lasts."""
        self.run(f'DROP SCHEMA IF EXISTS "{name}" CASCADE; CREATE SCHEMA "{name}"')
        try:
            yield name
        finally:
            self.run(f'DROP SCHEMA "{name}" CASCADE')
