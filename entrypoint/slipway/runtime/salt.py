"""The command ``salt``: what the salt key opens, and how everything comes under another."""

from __future__ import annotations

import argparse
import signal
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final, NoReturn

from slipway import log, report
from slipway.checks import key_file, keys
from slipway.report import ExitCode, refuse
from slipway.runtime import database, start
from slipway.secret_files import Taken
from slipway.settings import Settings

if TYPE_CHECKING:
    from slipway.database.salt.inspect import Named
    from slipway.database.salt.rotate import Outcome

_VARIABLE: Final = "LITELLM_SALT_KEY"
_EPILOG: Final = "Flags of the gateway, such as --config FILE, say where the database is, as variables do."
_REQUIRED: Final = "the following arguments are required: "


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        # argparse repeats what was given after a colon; of what is required, it names the options.
        given = message.removeprefix(_REQUIRED).split(":")[0].removeprefix("argument ")
        what = f"lacks {given}" if message.startswith(_REQUIRED) else f"is not valid at {given}"
        raise refuse("usage", ExitCode.USAGE, f"The command line {what}.", f"See {self.prog} --help.")


def command(argv: Sequence[str], environment: Mapping[str, str], taken: Taken) -> int:
    """Run ``salt check`` or ``salt rotate`` and return the exit code. Raises Refusal."""
    options, rest = _parser().parse_known_args(list(argv))
    settings, config, complete = start.for_migrating(rest, environment, taken)
    found = database.find(settings, config, complete)
    if found is None:
        raise refuse(
            "database-missing",
            ExitCode.CONFIG,
            "There is nothing encrypted: no database is configured.",
            "Set DATABASE_URL, or general_settings.database_url in the config file.",
        )
    # An interrupt ends it as a kill does, and PostgreSQL undoes what was not committed.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    return _check(found, options) if options.verb == "check" else _rotate(found, options)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="salt",
        usage="docker run IMAGE salt (check | rotate) [options] [--config FILE]",
        description="What the salt key opens in the database, and how all of that comes under another key.",
        allow_abbrev=False,
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="check | rotate")
    check = verbs.add_parser(
        "check",
        help="say what is encrypted in the database, and which key opens it",
        description="Say what is encrypted in the database, and how much of it opens under which key: "
        f"{_VARIABLE}, the master key, and those in files. Ends with 0 when a gateway with this environment could read "
        "all of it, with 71 otherwise.",
        epilog=_EPILOG,
        allow_abbrev=False,
    )
    check.add_argument("--key-file", action="append", default=[], metavar="FILE", help="a further key to try")
    check.add_argument("--format", choices=("text", "json"), default="text")
    rotate = verbs.add_parser(
        "rotate",
        help="put everything that is encrypted with one key under another",
        description="Put everything that is encrypted with one key under another: all of it, or nothing. Stop the "
        "gateways first, and start them with the new key afterwards. Safe to repeat.",
        epilog=_EPILOG,
        allow_abbrev=False,
    )
    rotate.add_argument("--from-file", required=True, metavar="OLD", help="holds the present key, or the master key")
    rotate.add_argument("--to-file", required=True, metavar="NEW", help="holds the new salt key")
    rotate.add_argument("--dry-run", action="store_true", help="say what would be done and change nothing")
    rotate.add_argument("--force", action="store_true", help="go on although others are connected to the database")
    return parser


def _check(found: database.Database, options: argparse.Namespace) -> int:
    known = _known(found, options.key_file)
    from slipway.database.salt import UNTRIED, inspect
    from slipway.runtime import salt_report

    survey = inspect.run(found.address, known, _seconds(found.settings))
    findings = [finding for finding in keys.check(found.config, found.environment) if finding.id == "salt-key-blank"]
    if not any(key.used for key in known) and _later(found):
        findings.append(UNTRIED)
    findings += inspect.judge(survey, known)
    if options.format == "json":
        print(salt_report.as_json(survey, known, findings))
    else:
        print(salt_report.as_text(survey, known))
        report.show(findings, json_lines=log.is_json())
    return report.exit_code(findings)


def _known(found: database.Database, paths: Sequence[str]) -> list[Named]:
    """Return each different key once, with all its names."""
    ordinal = ("--key-file" if len(paths) == 1 else f"--key-file number {number + 1}" for number in range(len(paths)))
    files = [(path, key_file.read(path, named_by), False) for path, named_by in zip(paths, ordinal, strict=True)]
    from slipway.database.salt.ciphers import Key
    from slipway.database.salt.inspect import Named

    salt, master = found.environment.get(_VARIABLE), keys.master_key(found.config, found.environment)
    # What a hook sets later is used instead of the master key.
    stands_in = salt is None and not _later(found)
    known: dict[Key, Named] = {}
    for name, text, used in ((_VARIABLE, salt, True), ("the master key", master, stands_in), *files):
        if text is not None:
            key = Key(text)
            same = known.get(key)
            known[key] = Named(f"{same.name} (also {name})", key, same.used or used) if same else Named(name, key, used)
    return list(known.values())


def _later(found: database.Database) -> bool:
    return keys.supplier(found.config, found.environment) == keys.HOOK


def _rotate(found: database.Database, options: argparse.Namespace) -> int:
    old = key_file.read(options.from_file, "--from-file")
    new = key_file.read(options.to_file, "--to-file")
    key_file.refuse_unfit(new, old)
    from slipway.database.salt import rotate
    from slipway.database.salt.ciphers import Key

    longest = found.settings.number("SLIPWAY_MIGRATE_TIMEOUT_SECONDS") or 0
    asked = rotate.Rotation(Key(old), Key(new), force=options.force, dry=options.dry_run, wait=longest)
    began = time.monotonic()
    outcome = rotate.run(found.address, asked, _seconds(found.settings))
    _tell(outcome, dry=options.dry_run, seconds=time.monotonic() - began)
    return ExitCode.DONE


def _tell(outcome: Outcome, *, dry: bool, seconds: float) -> None:
    already = f"; {outcome.already} are under it already" if outcome.already else ""
    if outcome.doubtful:
        log.line(f"{outcome.doubtful} values that neither key opens may be plain text, and are left as they are")
    if dry:
        log.line(f"{outcome.values} values would be put under the new key{already}; nothing has been changed")
        if outcome.others:
            log.line(f"connected now, and to be stopped before: {'; '.join(map(str, outcome.others))}")
        return
    if outcome.values:
        log.line(f"{outcome.values} values have been put under the new key{already} ({seconds:.1f} s)")
    else:
        log.line(f"nothing is encrypted with the old key{already}; nothing has been changed")
    log.line(f"next: set {_VARIABLE} to the new key in every gateway of this database, then start them")
    log.line("keep the old key as long as a backup from before may be needed")


def _seconds(settings: Settings) -> float:
    return settings.number("SLIPWAY_DATABASE_WAIT_SECONDS") or 0
