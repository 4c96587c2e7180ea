"""Migrations: one runner among any number of replicas, the others wait for it."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from slipway import log
from slipway.database import extras, ledger
from slipway.database.address import Address
from slipway.database.connection import Connection, first
from slipway.report import ExitCode, Refusal, refuse

# Held by the replica that migrates; next to LiteLLM's own key, int.from_bytes(b"llm_mig2"), and Prisma's 72707369.
LOCK: Final = int.from_bytes(b"slipway1", "big")
_POLL_SECONDS: Final = 0.5
_TELL_SECONDS: Final = 10.0
_PERMISSION: Final = ("42501", "permission denied", "must be owner", "insufficient permissions")


def refuse_newer(state: ledger.Ledger) -> None:
    """Raise Refusal (69) when a newer image has migrated this database."""
    if not state.newer:
        return
    raise refuse(
        "schema-newer",
        ExitCode.MIGRATION,
        f"The database was migrated by a newer image: {len(state.newer)} of its migrations are unknown here, up to "
        f"{state.newer[-1]}. The newest this image knows is {extras.shipped()[-1]}.",
        f"Run an image that ships {state.newer[-1]} (`version` prints each image's newest): that is the floor for a "
        "rollback. Or restore a backup from before that migration.",
        "This image's LiteLLM does not know what they changed.",
    )


def apply(address: Address, connection: Connection, seconds: float) -> None:
    """Bring the schema to this image's, or wait while another replica does. Raises Refusal (69)."""
    with _locked(connection, address, seconds):
        state = ledger.read(connection, address.schema)
        refuse_newer(state)
        if state.complete:
            log.line("another replica has migrated the database")
            return
        refuse_without_rights(connection, address)
        log.line(f"migrating the database: {len(state.pending)} pending")
        started = time.monotonic()
        try:
            extras.migrate(address.environment())
        except extras.MigrationFailed as problem:
            raise _failure(address, ledger.read(connection, address.schema), str(problem)) from None
        state = ledger.read(connection, address.schema)
        if not state.complete:
            raise _failure(address, state, "LiteLLM's resolver ended with migrations left over")
    log.line(f"the database is migrated ({time.monotonic() - started:.1f} s)")


def await_schema(address: Address, connection: Connection, seconds: float) -> None:
    """Wait until somebody else has brought the schema to this image's. Raises Refusal (69) when time is up."""
    deadline, told = time.monotonic() + seconds, 0.0
    while True:
        state = ledger.read(connection, address.schema)
        refuse_newer(state)
        if state.complete:
            return
        now = time.monotonic()
        if now > deadline:
            raise refuse(
                "schema-incomplete",
                ExitCode.MIGRATION,
                f"SLIPWAY_MIGRATE=require, and after {seconds:g} s the database still lacks {_list(state.pending)}"
                + (f"; {next(iter(state.failed))} has failed" if state.failed else "")
                + ".",
                "Run `migrate` with this image once, as a job with rights to change the schema.",
            )
        if now - told > _TELL_SECONDS:
            log.line(f"waiting for the schema: {len(state.pending)} migrations are pending")
            told = now
        time.sleep(_POLL_SECONDS)


@contextmanager
def _locked(connection: Connection, address: Address, seconds: float) -> Iterator[None]:
    deadline, told = time.monotonic() + seconds, 0.0
    while not first(connection, "SELECT pg_try_advisory_lock(%s)", LOCK):
        now = time.monotonic()
        if now > deadline:
            raise refuse(
                "migration-lock",
                ExitCode.MIGRATION,
                f"Another replica has been migrating the database for {seconds:g} s.",
                "Look at its log, and at pg_stat_activity; SLIPWAY_MIGRATE_TIMEOUT_SECONDS gives it more time.",
            )
        if now - told > _TELL_SECONDS:
            log.line("another replica migrates the database; waiting for it")
            told = now
        time.sleep(_POLL_SECONDS)
    try:
        yield
    finally:
        # A connection that broke has released it already.
        if not connection.broken:
            first(connection, "SELECT pg_advisory_unlock(%s)", LOCK)


def refuse_without_rights(connection: Connection, address: Address) -> None:
    """Raise Refusal (69) before anything is changed: a migration that fails half-way has to be resolved by hand."""
    schema = address.schema
    # A schema that does not exist yet is made by the first migration, which needs the right to make one.
    creates = first(
        connection,
        "SELECT CASE WHEN to_regnamespace(quote_ident(%s)) IS NULL "
        "THEN has_database_privilege(current_database(), 'CREATE') ELSE has_schema_privilege(%s, 'CREATE') END",
        schema,
        schema,
    )
    foreign = first(
        connection,
        r"SELECT count(*) FROM pg_tables WHERE schemaname = %s AND tablename LIKE 'LiteLLM\_%%' "
        "AND NOT pg_has_role(tableowner, 'USAGE')",
        schema,
    )
    if not creates or foreign:
        raise _denied(address)


def _denied(address: Address) -> Refusal:
    return refuse(
        "migration-rights",
        ExitCode.MIGRATION,
        f"Migrations are pending, and the role in {address.named} may not change the schema {address.schema}.",
        f"GRANT CREATE, USAGE ON SCHEMA {address.schema} to it and make it the tables' owner; or run `migrate` with a "
        "role that may, and set SLIPWAY_MIGRATE=require here.",
    )


def _failure(address: Address, state: ledger.Ledger, said: str) -> Refusal:
    name, logs = next(iter(state.failed.items()), ("", ""))
    text = address.scrub(logs or said)
    if not name:
        if any(words in text for words in _PERMISSION):
            return _denied(address)
        return refuse(
            "migration-failed",
            ExitCode.MIGRATION,
            f"The database could not be migrated: {_summary(text)}",
            "Nothing is half done. A database with other tables needs a schema of its own (?schema=NAME in the URL); "
            "for anything else mend what it names. LITELLM_LOG=debug shows LiteLLM's whole answer.",
        )
    return refuse(
        "migration-failed",
        ExitCode.MIGRATION,
        f"The migration {name} failed: {_summary(text)}",
        f"Mend the cause, then `migrate --rolled-back {name}` if nothing of it is left in the database, or "
        f"`migrate --applied {name}` if all of it is there; then start again.",
    )


def _summary(text: str) -> str:
    """Return the lines that say why, of Prisma's and LiteLLM's long answers."""
    wanted = re.findall(r"^(?:Database error code:.*|ERROR:.*|DETAIL:.*|Error: P\d{4}.*|P\d{4}.*)$", text, re.MULTILINE)
    # LiteLLM's own answers say what happened first, and what to do in the lines that follow.
    lines = wanted or [line for line in text.splitlines() if line.strip()][:2]
    return " ".join(dict.fromkeys(line.strip() for line in lines))[:600]


def _list(names: tuple[str, ...]) -> str:
    return f"{names[0]} and {len(names) - 1} more migrations" if len(names) > 1 else "".join(names) or "its ledger"
