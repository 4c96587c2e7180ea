"""Everything encrypted with one key put under another, in one transaction. Decision 0015 has why it is done so."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Final

import psycopg

from slipway import log
from slipway.database import connection, fitness, ledger, migrate, pooler
from slipway.database.address import Address
from slipway.database.connection import Connection
from slipway.database.salt import exclusive
from slipway.database.salt.ciphers import Key
from slipway.database.salt.places import present
from slipway.database.salt.rewrite import rewrite
from slipway.database.salt.survey import Survey, Surveyor, in_words
from slipway.database.sessions import Group
from slipway.report import ExitCode, refuse

_OLD, _NEW = 0, 1
_UNCHANGED: Final = "Nothing has been changed."


@dataclass(frozen=True, slots=True)
class Rotation:
    """What is to be done, and for how long (seconds) another rotation is waited for.

    ``force``: go on although others are connected. ``dry``: only say what there is.
    """

    old: Key
    new: Key
    force: bool
    dry: bool
    wait: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """Values that were under the old key, under the new one already, and under neither, which may be plain text.

    ``others``: who else is connected, of a rotation that only looked.
    """

    values: int
    already: int
    doubtful: int
    others: tuple[Group, ...] = ()


def run(address: Address, rotation: Rotation, seconds: float) -> Outcome:
    """Rotate, once the database answers within ``seconds``.

    Raises Refusal: 65 (a pooler, two databases), 68 (unreachable, read-only, in use), 69 (a newer schema), 70 (what was
    written is not what was read), 71 (values that neither key opens). The database is as it was, then.
    """
    with connection.wait(address, seconds, name=exclusive.NAME) as connected, _explained(address):
        # A newer release may encrypt columns that are unknown here.
        migrate.refuse_newer(ledger.read(connected, address.schema))
        surveyor = Surveyor(connected, address.schema, (rotation.old, rotation.new))
        if rotation.dry:
            return _look(connected, surveyor)
        fitness.check(connected, address)
        pooler.refuse_shared_sessions(address, connected)
        ours = _alone(connected, address, seconds, force=rotation.force)
        with connected.transaction():
            outcome = _rotate(connected, address.schema, rotation, surveyor)
            if outcome.values and not rotation.force:
                exclusive.refuse_others(connected, ours=ours)
            return outcome


def _look(connected: Connection, surveyor: Surveyor) -> Outcome:
    with connected.transaction():
        connected.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        found = surveyor.survey()
    _refuse_unopened(found)
    return replace(_outcome(found), others=tuple(exclusive.connected(connected)))


def _alone(connected: Connection, address: Address, seconds: float, *, force: bool) -> tuple[int, ...]:
    """Refuse while others are connected, unless forced; return the server processes that are of our own making."""
    if not force:
        exclusive.refuse_others(connected)
    elif found := exclusive.connected(connected):
        log.line(f"going on while others are connected: {exclusive.listed(found)}", level="warning")
    # A pooler keeps the session that this opens.
    pooled = pooler.refuse_other_database(address, connected, seconds)
    return () if pooled is None else (pooled,)


def _rotate(connected: Connection, schema: str, rotation: Rotation, surveyor: Surveyor) -> Outcome:
    exclusive.prepare(connected)
    exclusive.wait_for_turn(connected, rotation.wait)
    places = present(connected, schema)
    exclusive.lock(connected, schema, (place.table for place in places))
    before = surveyor.survey()
    _refuse_unopened(before)
    outcome = _outcome(before)
    if outcome.values:
        log.line(f"re-encrypting {outcome.values} values")
        for place, kind in places.items():
            if before.tallies[place].opened[_OLD]:
                rewrite(connected, schema, place, kind, rotation.old, rotation.new)
        _compare(before, surveyor.survey())
    return outcome


def _outcome(found: Survey) -> Outcome:
    return Outcome(found.opened(_OLD), found.opened(_NEW), found.doubtful)


def _refuse_unopened(found: Survey) -> None:
    """Raise Refusal (71) for what neither key opens."""
    if found.lost:
        raise refuse(
            "salt-rotation-unopened",
            ExitCode.SALT,
            f"Neither the old key nor the new one opens {in_words(found.lost)}. {_UNCHANGED}",
            "See which key does, and in which rows they are: salt check --key-file FILE. Give the right one to "
            "--from-file, or rotate those to the old key first, or enter them again.",
            "They would stay under a key that nobody may keep.",
        )
    if found.doubtful and not found.opened(_OLD) and not found.opened(_NEW):
        raise refuse(
            "salt-rotation-unopened",
            ExitCode.SALT,
            f"Neither the old key nor the new one opens any of the {found.doubtful} values that look encrypted. "
            f"{_UNCHANGED}",
            "Give the right key to --from-file; salt check --key-file FILE tries one. If all of them are plain text, "
            "there is nothing to rotate: start the gateways with the new key.",
        )


def _compare(before: Survey, after: Survey) -> None:
    """Raise Refusal (70) unless what was written opens under the new key, and everything else is what it was."""
    expected = {place: replace(tally, opened=[0, sum(tally.opened)]) for place, tally in before.tallies.items()}
    if expected == after.tallies and before.fingerprint == after.fingerprint:
        return
    raise refuse(
        "salt-rotation-unverified",
        ExitCode.INTERNAL,
        f"After the rotation the database holds something else than before, not only another key's. {_UNCHANGED}",
        "Look for a trigger or rule on LiteLLM's tables that changes what is written; otherwise report this.",
    )


@contextmanager
def _explained(address: Address) -> Iterator[None]:
    """Raise Refusal (68) for an error of PostgreSQL."""
    try:
        yield
    except psycopg.Error as problem:
        fix = "Run the same command again when the database answers: it goes on, or says that all is done."
        if isinstance(problem, psycopg.errors.InsufficientPrivilege):
            # A trigger of LiteLLM's inserts.
            fix = "GRANT SELECT, INSERT, UPDATE on all of LiteLLM's tables to the role, or rotate as their owner."
        said = str(problem).strip().splitlines() or [type(problem).__name__]
        raise refuse(
            "salt-rotation-interrupted",
            ExitCode.DATABASE,
            f"The database failed during the rotation: {address.scrub(said[0])}.",
            fix,
            "All of it is done or nothing of it.",
        ) from None
