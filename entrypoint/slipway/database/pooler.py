"""Poolers: in transaction mode neither migrations nor their locks are safe, and a way past one may lead elsewhere."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from slipway.database.address import Address
from slipway.database.connection import Connection, connect, first, wait
from slipway.report import ExitCode, Refusal, refuse

_ROUNDS: Final = 3
_PROCESS: Final = "SELECT pg_backend_pid()"
_IDENTITY: Final = "SELECT oid, pg_postmaster_start_time() FROM pg_database WHERE datname = current_database()"


def refuse_shared_sessions(address: Address, connection: Connection) -> None:
    """Raise Refusal (65) when two open connections are answered by one server process.

    PostgreSQL gives each connection a process of its own; a pooler in transaction mode lends one to whoever asks.
    """
    with connect(address) as other:
        for _ in range(_ROUNDS):
            if first(connection, _PROCESS) == first(other, _PROCESS):
                raise _shared(address)


def refuse_other_database(address: Address, connection: Connection, seconds: float) -> int | None:
    """Raise Refusal (65) when DIRECT_URL leads to another database than the gateway's own URL, (68) when that fails.

    Returns the server process behind the gateway's own URL, which a pooler keeps for whoever comes next.
    """
    if address.direct is None:
        return None
    with wait(replace(address, direct=None), seconds, pooled=True) as other:
        same = _identity(other) == _identity(connection)
        process = int(str(first(other, _PROCESS)))
    if not same:
        raise refuse(
            "database-urls-differ",
            ExitCode.CONFIG,
            f"DIRECT_URL and the URL in {address.source} lead to different databases.",
            "Correct one of them.",
            "One would be migrated, the other used.",
        )
    return process


def _identity(connection: Connection) -> object:
    return connection.execute(_IDENTITY).fetchone()


def _shared(address: Address) -> Refusal:
    return refuse(
        "database-pooler",
        ExitCode.CONFIG,
        f"{address.named} leads through a pooler in transaction mode.",
        "Set DIRECT_URL to the database itself; or migrate elsewhere (`migrate`) and set SLIPWAY_MIGRATE=require here.",
        "Migrations and their locks are not safe there.",
    )
