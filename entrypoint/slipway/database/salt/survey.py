"""All that is encrypted in the database, by the key that opens it: read once, whatever the number of rows."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from psycopg import sql

from slipway.database.connection import Connection
from slipway.database.salt import texts
from slipway.database.salt.ciphers import SHORTEST_TEXT, Key, parse
from slipway.database.salt.places import Place, present

# Rows that the server sends at once.
_ROWS: Final = 200
_NAMED: Final = 5
_DIGEST_BYTES: Final = 16
# A ciphertext, or what says that it is one.
_WORTH_READING: Final = f"litellm_enc::|v2:gcm:|[A-Za-z0-9+/_-]{{{SHORTEST_TEXT - 2}}}"


@dataclass(slots=True)
class Tally:
    """What one place holds: rows with anything encrypted, and values by what opens them.

    ``opened``: values for each key. ``lost``: values that no key opens and that are certainly encrypted; the first
    rows with such are ``rows_lost``, and ``more_lost`` says that there are others. ``doubtful``: values that no key
    opens and that may be plain text.
    """

    opened: list[int]
    rows: int = 0
    lost: int = 0
    doubtful: int = 0
    rows_lost: list[str] = field(default_factory=list)
    more_lost: bool = False

    @property
    def values(self) -> int:
        """All of them."""
        return sum(self.opened) + self.lost + self.doubtful


@dataclass(slots=True)
class Survey:
    """The tallies of all places, and one number for what rows with opened values hold, with these in clear.

    The ``fingerprint`` is the same before and after a rotation that changed nothing but the key, whatever the order of
    the rows.
    """

    tallies: dict[Place, Tally] = field(default_factory=dict)
    fingerprint: int = 0

    def opened(self, key: int) -> int:
        """How many values the key of this number opens."""
        return sum(tally.opened[key] for tally in self.tallies.values())

    @property
    def doubtful(self) -> int:
        """How many values no key opens that may be plain text."""
        return sum(tally.doubtful for tally in self.tallies.values())

    @property
    def lost(self) -> dict[str, int]:
        """How many values no key opens that are certainly encrypted, by what they belong to."""
        return by_what_they_belong_to({place: tally.lost for place, tally in self.tallies.items()})


def by_what_they_belong_to(counts: dict[Place, int]) -> dict[str, int]:
    """Add up counts of places with one name; those that are 0 are left out."""
    names = sorted({place.holds for place, count in counts.items() if count})
    return {name: sum(count for place, count in counts.items() if place.holds == name) for name in names}


def in_words(counts: dict[str, int]) -> str:
    """Return what ``by_what_they_belong_to`` counted as messages say it."""
    return ", ".join(f"{count} of the {name}" for name, count in counts.items())


class Surveyor:
    """Reads a database with some keys. The fingerprints of two surveys are comparable when one surveyor made both."""

    def __init__(self, connection: Connection, schema: str, keys: Sequence[Key]) -> None:
        self._connection = connection
        self._schema = schema
        self._keys = keys
        self._secret = secrets.token_bytes(_DIGEST_BYTES)

    def survey(self) -> Survey:
        """Read everything, inside a transaction of the caller's. Raises psycopg.Error."""
        made = Survey()
        for place in present(self._connection, self._schema):
            tally = made.tallies[place] = Tally([0] * len(self._keys))
            for id, text in rows(self._connection, self._schema, place):
                made.fingerprint += self._read(place, tally, id, text)
        made.fingerprint %= 1 << 8 * _DIGEST_BYTES
        return made

    def _read(self, place: Place, tally: Tally, id: str, text: str) -> int:
        before, opened, lost = tally.values, sum(tally.opened), tally.lost
        clear = texts.replace(text, lambda value, depth: self._try(place, tally, value, depth))
        tally.rows += tally.values > before
        if tally.lost > lost:
            if len(tally.rows_lost) < _NAMED:
                tally.rows_lost.append(id)
            else:
                tally.more_lost = True
        if sum(tally.opened) == opened:
            return 0
        return int.from_bytes(self._digest("\0".join((place.table, place.column, id, clear)).encode()))

    def _try(self, place: Place, tally: Tally, value: str, depth: int) -> str | None:
        sealed = parse(value)
        if sealed is None:
            return None
        for number, key in enumerate(self._keys):
            plain = key.open(sealed)
            if plain is not None:
                tally.opened[number] += 1
                return f"{sealed.form}{self._digest(plain).hex()}"
        if place.is_certain(sealed, depth):
            tally.lost += 1
        elif sealed.likely:
            tally.doubtful += 1
        return None

    def _digest(self, content: bytes) -> bytes:
        return hashlib.blake2b(content, key=self._secret, digest_size=_DIGEST_BYTES).digest()


def rows(connection: Connection, schema: str, place: Place) -> Iterator[tuple[str, str]]:
    """Yield key and text of the rows of a place that may hold something encrypted, a few at a time."""
    query = sql.SQL("SELECT {key}::text, {column}::text FROM {table} WHERE {column} IS NOT NULL").format(
        key=sql.Identifier(place.key),
        column=sql.Identifier(place.column),
        table=sql.Identifier(schema, place.table),
    )
    if place.many:
        query += sql.SQL(" AND {}::text ~ {}").format(sql.Identifier(place.column), sql.Literal(_WORTH_READING))
    with connection.cursor(name="slipway_salt") as cursor:
        cursor.itersize = _ROWS
        for id, text in cursor.execute(query):
            yield str(id), str(text)
