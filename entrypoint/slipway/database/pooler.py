"""Poolers in transaction mode, through which neither migrations nor their locks are safe."""

from __future__ import annotations

from typing import Final

from slipway.database.address import Address
from slipway.database.connection import Connection, connect
from slipway.report import ExitCode, Refusal, refuse

_ROUNDS: Final = 3


def refuse_shared_sessions(address: Address, connection: Connection) -> None:
    """Raise Refusal (65) when two open connections are answered by one server process.

    PostgreSQL gives each connection a process of its own; a pooler in transaction mode lends one to whoever asks.
    """
    with connect(address) as other:
        for _ in range(_ROUNDS):
            if _process(connection) == _process(other):
                raise _shared(address)


def _process(connection: Connection) -> object:
    row = connection.execute("SELECT pg_backend_pid()").fetchone()
    return row[0] if row else None


def _shared(address: Address) -> Refusal:
    return refuse(
        "database-pooler",
        ExitCode.CONFIG,
        f"{address.named} leads through a pooler in transaction mode, where migrations and their locks are not safe.",
        "Set DIRECT_URL to the database itself; or migrate elsewhere (`migrate`) and set SLIPWAY_MIGRATE=require here.",
    )
