"""The database's part of a start, and the command ``migrate``. Imports nothing of the driver without a database."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

from slipway import log, report
from slipway.checks import keys
from slipway.database import address as addresses
from slipway.database.absence import tolerates_absence
from slipway.report import ExitCode, Finding, Refusal, refuse
from slipway.runtime.directories import refusing
from slipway.runtime.schema import Schema, note
from slipway.settings import Settings
from slipway.workers import configuration

if TYPE_CHECKING:
    from slipway.database.prepare import Keys, Outcome

# Names the file that keeps query engines (docker/prisma/query-engine) from a database that is away or being prepared:
# LiteLLM would read and write tables that are half there.
PENDING: Final = "SLIPWAY_DATABASE_PENDING"
# The option of the process that prepares the database beside the gateway.
BACKGROUND: Final = "--background"
# What LiteLLM's tolerance turns into warnings.
_BEARABLE: Final = frozenset({ExitCode.DATABASE, ExitCode.MIGRATION, ExitCode.SALT})
_PAUSE_SECONDS: Final = 2.0
_LONGEST_PAUSE_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Database:
    """A configured database and what decides how it is prepared."""

    address: addresses.Address
    settings: Settings
    config: Mapping[str, object]
    environment: Mapping[str, str]

    def prepare(self, mode: str) -> Outcome:
        """Prepare it. Raises Refusal."""
        from slipway.database import prepare

        return prepare.run(self.address, self.settings, self.config, self._keys(), mode)

    def examine(self) -> list[Finding]:
        """Return what a start would find in it; nothing is changed."""
        from slipway.database import examine

        wanted = mode(self.settings)
        found = examine.run(self.address, self.settings, self.config, self._keys(), wanted)
        if wanted == "only" or not self.tolerated():
            return found
        return [_borne(finding) for finding in found]

    def _keys(self) -> Keys:
        from slipway.database.prepare import Keys

        salt = self.environment.get("LITELLM_SALT_KEY") or None
        later = keys.supplier(self.config, self.environment) == keys.HOOK
        return Keys(salt, keys.master_key(self.config, self.environment), later)

    def tolerated(self) -> bool:
        """Whether LLM requests are served while it is away."""
        return tolerates_absence(self.config)

    @property
    def pending(self) -> Path:
        """The file that is there as long as no query engine may connect."""
        return Path(self.environment[PENDING])


def find(
    settings: Settings, config: Mapping[str, object], environment: Mapping[str, str], *, ask: bool = True
) -> Database | None:
    """Return the configured database, or None where there is none or only a startup hook will name it.

    Without ``ask`` None is returned, too, where a secret manager would have to be asked. Raises Refusal (65, 66).
    """
    supplier = keys.supplier(config, environment)
    if supplier == keys.HOOK and not addresses.is_known(config, environment):
        return None
    address = addresses.find(config, environment, supplied=supplier is not None, ask=ask)
    return None if address is None else Database(address, settings, config, environment)


def mode(settings: Settings) -> str:
    """Return SLIPWAY_MIGRATE, or off where LiteLLM's own variable says so and nothing else was asked for."""
    chosen = settings["SLIPWAY_MIGRATE"]
    if not chosen.asked and settings.on("DISABLE_SCHEMA_UPDATE"):
        return "off"
    return str(chosen.value)


def settle(database: Database) -> Schema:
    """Prepare the database before the gateway starts; what is left is for ``migrate --background``.

    Raises Refusal, unless requests may be served without the database.
    """
    wanted = mode(database.settings)
    try:
        outcome = database.prepare(wanted)
    except Refusal as refusal:
        code = report.exit_code(refusal.findings)
        if wanted == "only" or not database.tolerated() or code not in _BEARABLE:
            raise
        if _is_away(refusal):
            with refusing(database.pending.parent):
                database.pending.touch()
        _show(_as_warnings(refusal))
        log.line("starting without the database, which is tried again in the background")
        return Schema.PENDING
    _show(outcome.findings)
    return _schema(outcome)


def command(
    arguments: Sequence[str], settings: Settings, config: Mapping[str, object], environment: Mapping[str, str]
) -> int:
    """Run ``migrate`` with its own options, which ``take_options`` separated. Raises Refusal."""
    options = _parser().parse_args(list(arguments))
    database = find(settings, config, environment)
    if database is None:
        raise refuse(
            "database-missing",
            ExitCode.CONFIG,
            "There is nothing to migrate: no database is configured.",
            "Set DATABASE_URL, or general_settings.database_url in the config file.",
        )
    if options.background:
        return _background(database)
    if options.dry_run:
        return _dry_run(database)
    for action in ("applied", "rolled_back"):
        if name := getattr(options, action):
            return _resolve(database, action.replace("_", "-"), name)
    _show(database.prepare("only").findings)
    log.line("the database has this image's schema")
    return ExitCode.DONE


def take_options(argv: Sequence[str]) -> tuple[list[str], list[str]]:
    """Split the arguments of ``migrate`` into its own options and the flags of the gateway, such as --config."""
    own: list[str] = []
    rest: list[str] = []
    pending = iter(argv)
    for argument in pending:
        name, separator, _ = argument.partition("=")
        if name in ("--dry-run", BACKGROUND, "--help", "-h"):
            own.append(argument)
        elif name in ("--applied", "--rolled-back"):
            own += [argument] if separator else [argument, next(pending, "")]
        else:
            rest.append(argument)
    return own, rest


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="migrate",
        usage="docker run IMAGE migrate [--dry-run | --applied NAME | --rolled-back NAME] [--config FILE]",
        description="Bring the database to this image's schema, then end. Safe to repeat, also several at once.",
        allow_abbrev=False,
    )
    parser.add_argument("--dry-run", action="store_true", help="list what is pending and change nothing")
    parser.add_argument("--applied", metavar="NAME", help="record a failed migration as applied: all of it is there")
    parser.add_argument("--rolled-back", metavar="NAME", help="record it as rolled back: nothing of it is there")
    # The gateway starts it so when the database was away, or an index takes long.
    parser.add_argument(BACKGROUND, action="store_true", help=argparse.SUPPRESS)
    return parser


def _dry_run(database: Database) -> int:
    from slipway.database import connection, ledger, migrate

    with connection.wait(database.address, database.settings.number("SLIPWAY_DATABASE_WAIT_SECONDS") or 0) as connected:
        state = ledger.read(connected, database.address.schema)
    for name in state.pending:
        print(name)
    log.line(f"{len(state.pending)} of this image's migrations are pending")
    for name in state.failed:
        log.line(f"{name} has failed before and has to be resolved first", level="warning")
    migrate.refuse_newer(state)
    return ExitCode.DONE


def _resolve(database: Database, action: str, name: str) -> int:
    from slipway.database import connection, extras, ledger

    with connection.wait(database.address, database.settings.number("SLIPWAY_DATABASE_WAIT_SECONDS") or 0) as connected:
        state = ledger.read(connected, database.address.schema)
    if name not in state.failed:
        raise refuse(
            "migration-not-failed",
            ExitCode.USAGE,
            "The migration named is not one that has failed.",
            f"Failed: {', '.join(state.failed) or 'none'}.",
        )
    try:
        extras.resolve(action, name, database.address.environment())
    except extras.MigrationFailed as problem:
        raise refuse(
            "migration-not-resolved",
            ExitCode.MIGRATION,
            f"{name} could not be recorded as {action}: {database.address.scrub(str(problem)).strip()[:300]}",
            "Check that no other replica migrates, then try again.",
        ) from None
    log.line(f"{name} is recorded as {action}")
    return ExitCode.DONE


def _background(database: Database) -> int:
    from slipway.database import extras

    pause, told = _PAUSE_SECONDS, ""
    secrets = configuration.secrets_in_force(database.pending.parent)
    while True:
        try:
            outcome = database.prepare(mode(database.settings))
            break
        except Refusal as refusal:
            if refusal.findings[0].what != told:
                told = refusal.findings[0].what
                _show(_as_warnings(refusal))
            time.sleep(pause)
            if not _is_away(refusal):
                # It is there, and used as it is until somebody mends it.
                database.pending.unlink(missing_ok=True)
                pause = min(pause * 1.5, _LONGEST_PAUSE_SECONDS)
            if configuration.secrets_in_force(database.pending.parent) != secrets:
                # A reload has brought others, perhaps those that it waits for.
                _begin_anew(secrets or {})
    _show(outcome.findings)
    if told or database.pending.exists():
        log.line("the database is back and prepared")
    database.pending.unlink(missing_ok=True)
    note(database.pending.parent, _schema(outcome))
    if outcome.indexes_missing:
        if extras.build_indexes(database.address.environment()):
            note(database.pending.parent, Schema.READY)
        else:
            log.line("an index of the request log is still missing; the next start tries again", level="warning")
    return ExitCode.DONE


def _begin_anew(secrets: Mapping[str, str]) -> NoReturn:
    """Run this command again in this process; it takes over the secrets in force, in place of ``secrets``."""
    rest = {name: value for name, value in os.environ.items() if name not in secrets}
    os.execve(sys.executable, sys.orig_argv, rest)


def _schema(outcome: Outcome) -> Schema:
    if outcome.behind:
        return Schema.BEHIND
    return Schema.INDEXES if outcome.indexes_missing else Schema.READY


def _is_away(refusal: Refusal) -> bool:
    return refusal.findings[0].id == "database-unreachable"


def background_argv(config_path: str | None) -> tuple[str, ...]:
    """Return the command line of the process that does in the background what the start left undone."""
    named = ("--config", config_path) if config_path else ()
    return (sys.executable, "-P", "-m", "slipway", "migrate", BACKGROUND, *named)


def _borne(finding: Finding) -> Finding:
    bearable = finding.severity == "error" and finding.code in _BEARABLE
    return replace(finding, severity="warning") if bearable else finding


def _as_warnings(refusal: Refusal) -> list[Finding]:
    return [replace(finding, severity="warning") for finding in refusal.findings]


def _show(findings: Sequence[Finding]) -> None:
    report.show(findings, json_lines=log.is_json())
