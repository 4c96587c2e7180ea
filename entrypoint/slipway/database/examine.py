"""What a start would find in the database, all of it at once and with nothing changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from slipway.database import capacity, connection, fitness, ledger, migrate, pooler, salt
from slipway.database.address import Address
from slipway.database.prepare import Keys
from slipway.report import ExitCode, Finding, Refusal
from slipway.settings import Settings

_MIGRATING: Final = ("auto", "only")
# What becomes of pending migrations, by SLIPWAY_MIGRATE.
_NEXT: Final = {
    "auto": "The next start applies them.",
    "only": "The next start applies them, and ends.",
    "require": "The next start waits until somebody else has applied them.",
    "off": "The gateway serves without them, and fails where it needs them.",
}
# A start waits for a database; somebody who asks how it is wants to know now.
_SECONDS: Final = 5


def run(address: Address, settings: Settings, config: Mapping[str, object], keys: Keys, mode: str) -> list[Finding]:
    """Return what ``prepare.run`` would refuse or say, and what a migration is to do. Raises nothing of its own."""
    try:
        with connection.wait(address, _SECONDS) as connected:
            return _all(connected, address, settings, config, keys, mode)
    except Refusal as refusal:
        return [*refusal.findings]


def _all(
    connected: connection.Connection,
    address: Address,
    settings: Settings,
    config: Mapping[str, object],
    keys: Keys,
    mode: str,
) -> list[Finding]:
    state = ledger.read(connected, address.schema)
    steps: list[Callable[[], object]] = [
        lambda: pooler.refuse_other_database(address, connected, _SECONDS),
        lambda: fitness.check(connected, address),
        lambda: None if mode == "off" else migrate.refuse_newer(state),
        lambda: _schema(state, mode),
    ]
    if not state.complete and mode in _MIGRATING:
        steps += [
            lambda: fitness.check_for_migrating(connected, address),
            lambda: pooler.refuse_shared_sessions(address, connected),
            lambda: migrate.refuse_without_rights(connected, address),
        ]
    if mode != "only":
        steps += [
            lambda: _salt(connected, address, settings, keys),
            lambda: capacity.check(connected, address, settings, config),
        ]
    return [finding for step in steps for finding in _found(step)]


def _found(step: Callable[[], object]) -> Sequence[Finding]:
    """Run a check that returns findings, or raises the one it has."""
    try:
        found = step()
        return found if isinstance(found, list) else ()
    except Refusal as refusal:
        return refusal.findings


def _salt(connected: connection.Connection, address: Address, settings: Settings, keys: Keys) -> list[Finding]:
    if keys.salt is None and keys.later:
        return [salt.UNTRIED]
    acknowledged, new = settings.on(salt.ACKNOWLEDGED), not ledger.holds_data(connected, address.schema)
    return salt.judge(connected, address.schema, keys.salt, keys.master, acknowledged=acknowledged, new=new)


def _schema(state: ledger.Ledger, mode: str) -> list[Finding]:
    if state.failed:
        return [
            Finding(
                "migration-unresolved",
                "error",
                f"The migration {next(iter(state.failed))} has failed before, and it is not known what is left of it.",
                "Look at the database, then run migrate --rolled-back NAME or migrate --applied NAME.",
                ExitCode.MIGRATION,
                "Those after it wait for it, and the gateway with them.",
            )
        ]
    if state.complete:
        return []
    return [
        Finding(
            "migrations-pending",
            "warning" if mode == "off" else "info",
            f"{len(state.pending)} of this image's migrations are pending.",
            "See them with migrate --dry-run; apply them with migrate, or leave it to the start.",
            ExitCode.MIGRATION,
            _NEXT[mode],
        )
    ]
