"""Being the only one at the encrypted values: no other rotation, nobody who writes, nobody who is connected."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable
from typing import Final

import psycopg
from psycopg import sql

from slipway import log
from slipway.database import sessions
from slipway.database.connection import Connection, first
from slipway.report import ExitCode, refuse

# Sessions of this name do not keep a rotation from going on: those of other rotations wait, those of checks read.
NAME: Final = "slipway salt"
# Held by the rotation that is under way; next to migrate.LOCK.
LOCK: Final = int.from_bytes(b"slipsalt", "big")
_POLL_SECONDS: Final = 0.5
_TELL_SECONDS: Final = 10.0
# Whoever writes waits behind a lock that is waited for.
_LOCK_SECONDS: Final = 10
# A rotation that is stopped or cut off from the network shall not hold its locks for ever.
_SILENCE_SECONDS: Final = 60


def prepare(connection: Connection) -> None:
    """Set what the transaction needs: bounded waits, all rows or an error, a commit that lasts."""
    settings = {
        "lock_timeout": f"{_LOCK_SECONDS}s",
        "idle_in_transaction_session_timeout": f"{_SILENCE_SECONDS}s",
        "row_security": "off",
    }
    if first(connection, "SHOW synchronous_commit") == "off":
        settings["synchronous_commit"] = "on"
    for name, value in settings.items():
        connection.execute("SELECT set_config(%s, %s, true)", (name, value))


def wait_for_turn(connection: Connection, seconds: float) -> None:
    """Wait until no other rotation is under way, then keep others out until the end. Raises Refusal (68)."""
    deadline, told = time.monotonic() + seconds, 0.0
    while not first(connection, "SELECT pg_try_advisory_xact_lock(%s)", LOCK):
        now = time.monotonic()
        if now > deadline:
            raise refuse(
                "salt-rotation-locked",
                ExitCode.DATABASE,
                f"Another rotation of this database has been under way for {seconds:g} s.",
                f"Wait for it and start again: SELECT * FROM pg_stat_activity WHERE application_name = '{NAME}' shows "
                "it; SLIPWAY_MIGRATE_TIMEOUT_SECONDS gives it more time.",
            )
        if now - told > _TELL_SECONDS:
            log.line("another rotation is under way; waiting for it")
            told = now
        time.sleep(_POLL_SECONDS)


def lock(connection: Connection, schema: str, tables: Iterable[str]) -> None:
    """Keep everybody from writing to the tables until the transaction ends; reading goes on. Raises Refusal (68)."""
    names = [sql.Identifier(schema, table) for table in sorted(set(tables))]
    if not names:
        return
    try:
        connection.execute(sql.SQL("LOCK TABLE {} IN EXCLUSIVE MODE").format(sql.SQL(", ").join(names)))
    except psycopg.errors.LockNotAvailable:
        raise refuse(
            "salt-rotation-locked",
            ExitCode.DATABASE,
            f"Somebody else has been writing to the tables with encrypted values for {_LOCK_SECONDS} s.",
            "End that transaction, which pg_stat_activity shows, and rotate again.",
        ) from None


def refuse_others(connection: Connection, *, ours: Collection[int] = ()) -> None:
    """Raise Refusal (68) while anybody else is connected; ``ours`` are server processes that do not count."""
    found = sessions.others(connection, names=(NAME,), processes=ours)
    if not found:
        return
    number = sum(group.number for group in found)
    raise refuse(
        "salt-database-in-use",
        ExitCode.DATABASE,
        f"{number} other session{'s are' if number > 1 else ' is'} connected to the database: {listed(found)}.",
        "Stop every gateway of this database (and what else is connected, such as a pooler's idle connections), then "
        "rotate again. --force goes on if you know that none of them is a gateway.",
        "A gateway that goes on with the old key cannot read what is encrypted with the new one, and writes what the "
        "next one cannot read.",
    )


def connected(connection: Connection) -> list[sessions.Group]:
    """Return who else is connected at this moment."""
    return sessions.others(connection, names=(NAME,), grace=0)


def listed(groups: Iterable[sessions.Group]) -> str:
    """Put them into words."""
    return "; ".join(str(group) for group in groups)
