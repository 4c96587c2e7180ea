"""Values of one column put under another key, a few rows at a time."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Final

from psycopg import sql

from slipway.database.connection import Connection
from slipway.database.salt import texts
from slipway.database.salt.ciphers import Key, parse
from slipway.database.salt.places import Place
from slipway.database.salt.survey import rows

_ROWS: Final = 200


def rewrite(connection: Connection, schema: str, place: Place, kind: str, old: Key, new: Key) -> None:
    """Encrypt with ``new`` what ``old`` opens in a column of the type ``kind``, inside a transaction of the caller's.

    Raises psycopg.Error.
    """
    update = sql.SQL("UPDATE {table} SET {column} = %s::{kind} WHERE {key} = %s").format(
        table=sql.Identifier(schema, place.table),
        column=sql.Identifier(place.column),
        # As PostgreSQL writes it.
        kind=sql.SQL(kind),
        key=sql.Identifier(place.key),
    )
    changes = _changes(connection, schema, place, old, new)
    while batch := list(islice(changes, _ROWS)):
        with connection.cursor() as cursor:
            cursor.executemany(update, batch)


def _changes(connection: Connection, schema: str, place: Place, old: Key, new: Key) -> Iterator[tuple[str, str]]:
    for id, text in rows(connection, schema, place):
        changed = under(new, text, old)
        if changed != text:
            yield changed, id


def under(new: Key, text: str, old: Key) -> str:
    """Return a column's text with what ``old`` opens under ``new``, and with nothing else changed."""

    def reseal(value: str, depth: int) -> str | None:
        sealed = parse(value)
        if sealed is None:
            return None
        plain = old.open(sealed)
        return None if plain is None else new.seal(plain, sealed).text()

    return texts.replace(text, reseal)
