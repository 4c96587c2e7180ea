"""Prisma's ledger of migrations, ``_prisma_migrations``, compared with the migrations in this image."""

from __future__ import annotations

from dataclasses import dataclass

import psycopg
from psycopg import sql

from slipway.database import extras
from slipway.database.connection import Connection, first


@dataclass(frozen=True, slots=True)
class Ledger:
    """What the database has. ``failed`` maps the name of an unfinished migration to its SQL error, "" if unknown."""

    recorded: bool
    applied: frozenset[str]
    failed: dict[str, str]
    pending: tuple[str, ...]
    newer: tuple[str, ...]

    @property
    def complete(self) -> bool:
        """Whether the schema is the one this image needs."""
        return self.recorded and not self.pending and not self.failed


def read(connection: Connection, schema: str) -> Ledger:
    """Read the ledger in ``schema``. A database without one has everything pending."""
    shipped = extras.shipped()
    try:
        rows = connection.execute(
            sql.SQL(
                "SELECT migration_name, finished_at IS NOT NULL, coalesce(logs, '') FROM {} "
                "WHERE rolled_back_at IS NULL"
            ).format(sql.Identifier(schema, "_prisma_migrations"))
        ).fetchall()
    except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
        return Ledger(False, frozenset(), {}, shipped, ())
    applied = frozenset(str(name) for name, finished, _ in rows if finished)
    return Ledger(
        recorded=True,
        applied=applied,
        failed={str(name): str(logs) for name, finished, logs in rows if not finished},
        pending=tuple(name for name in shipped if name not in applied),
        newer=extras.newer_than_shipped(applied),
    )


def holds_data(connection: Connection, schema: str) -> bool:
    """Tell whether LiteLLM has been here before: whether any of its tables exists."""
    table = first(
        connection, r"SELECT 1 FROM pg_tables WHERE schemaname = %s AND tablename LIKE 'LiteLLM\_%%' LIMIT 1", schema
    )
    return table is not None


def missing_indexes(connection: Connection, schema: str) -> tuple[str, ...]:
    """Return the indexes that LiteLLM builds after its migrations and that are not there or not valid."""
    names = extras.index_names()
    rows = connection.execute(
        "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_index i "
        "ON i.indexrelid = c.oid WHERE n.nspname = %s AND c.relname = ANY(%s) AND i.indisvalid",
        (schema, list(names)),
    ).fetchall()
    present = {row[0] for row in rows}
    return tuple(name for name in names if name not in present)


def few_requests_logged(connection: Connection, schema: str) -> bool:
    """Tell whether the request log is small enough to index while somebody waits."""
    few = first(
        connection,
        "SELECT c.reltuples < 100000 AND pg_table_size(c.oid) < 67108864 FROM pg_class c JOIN pg_namespace n "
        "ON n.oid = c.relnamespace WHERE n.nspname = %s AND c.relname = 'LiteLLM_SpendLogs'",
        schema,
    )
    return bool(few)
