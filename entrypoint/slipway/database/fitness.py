"""Whether a database that answers can be used at all: writable, with an encoding and a neighbourhood that fit."""

from __future__ import annotations

from typing import Final

from slipway.database import ledger
from slipway.database.address import Address
from slipway.database.connection import Connection, first
from slipway.report import ExitCode, refuse

# SQL_ASCII takes any bytes.
_ENCODINGS: Final = ("UTF8", "SQL_ASCII")
_NEIGHBOUR: Final = "SELECT schemaname FROM pg_tables WHERE tablename = 'LiteLLM_VerificationToken' LIMIT 1"


def check(connection: Connection, address: Address) -> None:
    """Raise Refusal (68) for a database that cannot be written, such as a standby."""
    if first(connection, "SHOW transaction_read_only") == "on":
        raise refuse(
            "database-read-only",
            ExitCode.DATABASE,
            f"The database ({address.named}) is read-only.",
            "Name the primary (a replica goes into DATABASE_URL_READ_REPLICA), or turn default_transaction_read_only "
            "off.",
            "Neither keys nor spend can be written.",
        )


def check_for_migrating(connection: Connection, address: Address) -> None:
    """Raise Refusal (68) for what a migration would fail on half-way."""
    encoding = first(connection, "SHOW server_encoding")
    if encoding not in _ENCODINGS:
        raise refuse(
            "database-encoding",
            ExitCode.DATABASE,
            f"The database's encoding is {encoding}.",
            "Make another database, for an encoding cannot change: createdb --encoding UTF8 --template template0 NAME.",
            "It cannot hold what LiteLLM's migrations write.",
        )
    if ledger.holds_data(connection, address.schema):
        return
    neighbour = first(connection, _NEIGHBOUR)
    if neighbour is not None:
        raise refuse(
            "database-shared",
            ExitCode.DATABASE,
            f"The schema {neighbour} of this database holds LiteLLM's tables already.",
            "Give each LiteLLM a database of its own.",
            "Its migrations take another schema's constraints for their own.",
        )
