"""Connecting to PostgreSQL within a bounded time, showing the last error."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import psycopg

from slipway import log
from slipway.database import extras
from slipway.database.address import ENCODING, Address
from slipway.report import ExitCode, Finding, Refusal

Connection = psycopg.Connection[tuple[object, ...]]

_ATTEMPT_SECONDS: Final = 5
_PAUSE_SECONDS: Final = 0.5
_LONGEST_PAUSE_SECONDS: Final = 5.0
_NAME: Final = "slipway"
# What a role may set against queries that take long or sessions that do nothing.
_LIMITS: Final = [
    f"{of}_timeout" for of in ("idle_session", "idle_in_transaction_session", "transaction", "statement", "lock")
]
_REFUSED: Final = ("password authentication failed", "no password supplied", "does not exist", "no pg_hba.conf entry")


@contextmanager
def wait(address: Address, seconds: float, *, pooled: bool = False, name: str = _NAME) -> Iterator[Connection]:
    """Connect, trying for ``seconds``; the connection is the one for migrations (DIRECT_URL where it is set).

    ``pooled`` leaves the session as it is, which others will use. ``name`` is what others see of it
    (``application_name``).

    Raises Refusal (68) with the last error, which never holds the password; also for an error of PostgreSQL while the
    connection is used.
    """
    try:
        with _wait(address, seconds, pooled, name) as connection:
            yield connection
    except psycopg.Error as problem:
        raise Refusal(_interrupted(address, problem)) from None


def _wait(address: Address, seconds: float, pooled: bool, name: str) -> Connection:
    deadline = time.monotonic() + seconds
    pause, told = _PAUSE_SECONDS, ""
    while True:
        try:
            return connect(address, pooled=pooled, name=name)
        except psycopg.Error as problem:
            error = _readable(problem, address)
        if time.monotonic() + pause > deadline:
            raise Refusal(_unreachable(address, error, seconds)) from None
        if error != told:
            log.line(f"waiting for the database, up to {max(0, deadline - time.monotonic()):.0f} s more: {error}")
            told = error
        time.sleep(pause)
        pause = min(pause * 1.5, _LONGEST_PAUSE_SECONDS)


def connect(address: Address, *, pooled: bool = False, name: str = _NAME) -> Connection:
    """Connect once, for migrations. Raises psycopg.Error."""
    # No prepared statement: a pooler may answer the next one from another session.
    connection = psycopg.connect(
        extras.for_libpq(address.direct or address.url),
        connect_timeout=_ATTEMPT_SECONDS,
        autocommit=True,
        prepare_threshold=None,
        application_name=name,
        # A database without an encoding of its own would answer bytes.
        client_encoding="utf8",
    )
    if pooled:
        return connection
    # A role's own limits are for queries, not for a session that waits while others migrate.
    connection.execute("SELECT set_config(name, '0', false) FROM pg_settings WHERE name = ANY(%s)", (_LIMITS,))
    return connection


def first(connection: Connection, query: str, *parameters: object) -> object:
    """Return the first column of the first row, or None where there is no row. Raises psycopg.Error."""
    row = connection.execute(query.encode(), parameters or None).fetchone()
    return row[0] if row else None


def _readable(problem: psycopg.Error, address: Address) -> str:
    lines = [line.strip() for line in str(problem).splitlines() if line.strip()]
    # libpq adds advice to its first line, and psycopg a heading where a name stands for several addresses.
    telling = next((line for line in lines if "failed:" in line), lines[0] if lines else type(problem).__name__)
    return address.scrub(telling.removeprefix("connection failed: "))


def _unreachable(address: Address, error: str, seconds: float) -> Finding:
    what = f"The database ({address.named}) could not be used within {seconds:g} s. Last error: {error}"
    if any(words in error for words in _REFUSED):
        fix = f"Correct the user, password or database name in {address.named}. {ENCODING}"
    else:
        fix = (
            f"Check host, port, network and TLS parameters of {address.named}, or give the database more time: "
            "SLIPWAY_DATABASE_WAIT_SECONDS."
        )
    return Finding("database-unreachable", "error", what.rstrip(".") + ".", fix, ExitCode.DATABASE)


def _interrupted(address: Address, problem: psycopg.Error) -> Finding:
    fix, code = "Nothing that was begun counts as done: start again when it answers.", ExitCode.DATABASE
    if isinstance(problem, psycopg.errors.InsufficientPrivilege):
        fix = "GRANT the role SELECT on what the error names (the tables and the ledger _prisma_migrations)."
    elif isinstance(problem, psycopg.errors.UndefinedColumn):
        fix = "The table _prisma_migrations is not Prisma's ledger: use a database, or a ?schema=NAME, of its own."
    elif isinstance(problem, psycopg.errors.TooManyConnections):
        fix, code = "Raise the role's CONNECTION LIMIT or max_connections.", ExitCode.CAPACITY
    what = f"The database ({address.named}) failed while it was prepared: {_readable(problem, address)}."
    return Finding("database-interrupted", "error", what, fix, code)
