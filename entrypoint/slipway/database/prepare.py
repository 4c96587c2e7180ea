"""The order of a start with a database: wait, look, decide, migrate. Cheap and certain first; nothing is half done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from slipway.database import capacity, connection, extras, fitness, ledger, migrate, pooler, salt
from slipway.database.absence import tolerates_absence
from slipway.database.address import Address
from slipway.report import ExitCode, Finding
from slipway.settings import Settings


@dataclass(frozen=True, slots=True)
class Keys:
    """The two keys of LiteLLM's encryption; None where one is not set. ``later``: a startup hook may set them."""

    salt: str | None
    master: str | None
    later: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a preparation found, and whether LiteLLM's late indexes are still to be built beside the gateway.

    ``behind``: migrations are missing, and ``SLIPWAY_MIGRATE`` leaves them alone.
    """

    findings: tuple[Finding, ...] = ()
    indexes_missing: bool = False
    behind: bool = False


def run(address: Address, settings: Settings, config: Mapping[str, object], keys: Keys, mode: str) -> Outcome:
    """Bring the database to where this image can use it, as ``mode`` (SLIPWAY_MIGRATE) says.

    Raises Refusal: 65 (a pooler, two databases), 66 or 71 (the salt key), 68 (unreachable, unusable), 69 (migrations),
    74 (connections).
    """
    # Without it LLM requests are served, so a start does not wait for it either.
    seconds = (
        0 if tolerates_absence(config) and mode != "only" else settings.number("SLIPWAY_DATABASE_WAIT_SECONDS") or 0
    )
    with connection.wait(address, seconds) as connected:
        pooler.refuse_other_database(address, connected, seconds)
        fitness.check(connected, address)
        return _with(connected, address, settings, config, keys, mode)


def _with(
    connected: connection.Connection,
    address: Address,
    settings: Settings,
    config: Mapping[str, object],
    keys: Keys,
    mode: str,
) -> Outcome:
    schema, seconds = address.schema, settings.number("SLIPWAY_MIGRATE_TIMEOUT_SECONDS") or 0
    state = ledger.read(connected, schema)
    if mode != "off":
        migrate.refuse_newer(state)
    found: list[Finding] = []
    # A job that only migrates serves nothing: it needs no key and opens no pool.
    if mode != "only":
        new = not ledger.holds_data(connected, schema)
        acknowledged = settings.on(salt.ACKNOWLEDGED)
        if keys.salt is None and keys.later:
            found = [salt.UNTRIED]
        else:
            found = salt.judge(connected, schema, keys.salt, keys.master, acknowledged=acknowledged, new=new)
        capacity.check(connected, address, settings, config)
    if mode == "off":
        return Outcome((*found, *_told(state)), behind=not state.complete)
    if mode == "require":
        migrate.await_schema(address, connected, seconds)
        return Outcome(tuple(found))
    if not state.complete:
        fitness.check_for_migrating(connected, address)
        pooler.refuse_shared_sessions(address, connected)
        migrate.apply(address, connected, seconds)
    return Outcome(tuple(found), _indexes_missing(connected, address, wait=mode == "only"))


def _indexes_missing(connected: connection.Connection, address: Address, *, wait: bool) -> bool:
    """Build LiteLLM's late indexes now where that is quick or somebody waits for it; tell whether they are missing."""
    if not ledger.missing_indexes(connected, address.schema):
        return False
    few = ledger.few_requests_logged(connected, address.schema)
    if wait or few:
        return not extras.build_indexes(address.environment(), at_once=few)
    return True


def _told(state: ledger.Ledger) -> list[Finding]:
    if state.complete and not state.newer:
        return []
    what = (
        f"knows {len(state.newer)} migrations that this image does not"
        if state.newer
        else f"lacks {len(state.pending)} migrations of this image"
    )
    return [
        Finding(
            "schema-differs",
            "warning",
            f"The database {what}, and SLIPWAY_MIGRATE is off.",
            "Run `migrate` with this image, or the image that the database was migrated with.",
            ExitCode.MIGRATION,
            "LiteLLM fails where it reads or writes what differs.",
        )
    ]
