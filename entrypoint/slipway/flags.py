"""LiteLLM's own command line, as its image takes it.

Source: litellm/proxy/proxy_cli.py of the pinned release. A flag is a setting of the launcher, a field of the worker's
configuration, a switch for a variable, accepted and without effect (as upstream), or the sign that LiteLLM's own
command must run instead of a gateway.
"""

from __future__ import annotations

import argparse
import difflib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NoReturn

from slipway.commands import VERBS
from slipway.report import ExitCode, Refusal, refuse
from slipway.settings import SERVERS, SETTINGS

# Fields of WORKER_CONFIG, which LiteLLM's worker reads at its start; True marks a flag that takes no value.
WORKER_FLAGS: Final[dict[str, bool]] = {
    "model": False,
    "alias": False,
    "api_base": False,
    "api_version": False,
    "temperature": False,
    "max_tokens": False,
    "max_budget": False,
    "headers": False,
    "drop_params": True,
    "add_function_to_prompt": True,
    "save": True,
    "use_queue": True,
}
_NUMBERS: Final = {"temperature": float, "max_tokens": int, "max_budget": float}
# Upstream's one-shot modes: LiteLLM's own command runs in place of a gateway.
PASS_THROUGH: Final = (
    "--health",
    "--test",
    "--test_async",
    "--setup",
    "--validate_config",
    "--skip_server_startup",
    "--reload",
)
# Flags of the other commands, which `serve` does not take.
COMMANDS: Final = {
    "--dry-run": "migrate --dry-run",
    "--from-file": "salt rotate --from-file",
    "--key-file": "salt check --key-file",
    "--to-file": "salt rotate --to-file",
    "--applied": "migrate --applied",
    "--rolled-back": "migrate --rolled-back",
    "--format": "explain --format, or check --format",
    "--offline": "check --offline",
    "--wait": "reload --wait",
}
# A switch that LiteLLM turns into a variable.
VARIABLES: Final = {
    "--iam_token_db_auth": ("IAM_TOKEN_DB_AUTH", "True"),
    "--azure_postgresql_auth": ("AZURE_POSTGRESQL_AUTH", "True"),
    "--use_legacy_migration_resolver": ("USE_V2_MIGRATION_RESOLVER", "false"),
}
# Without effect upstream too; accepted so that existing commands keep working. True: takes no value.
NO_EFFECT: Final = {
    "--telemetry": False,
    "--local": True,
    "--add_key": False,
    "--num_requests": False,
    "--enforce_prisma_migration_check": True,
    "--use_v2_migration_resolver": True,
}
# How much two names must be alike for one to be meant by the other, as difflib's own default.
_ALIKE: Final = 0.6


@dataclass(frozen=True, slots=True)
class CommandLine:
    """A parsed command line: ``given`` maps flags to their text, ``worker`` holds fields of WORKER_CONFIG."""

    given: dict[str, str | bool]
    worker: dict[str, object]
    environment: dict[str, str]
    ignored: tuple[str, ...]
    server: str | None


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        # argparse repeats a bad value after a colon or in quotes; only the flag's name is safe to show.
        flag = message.split(":")[0].removeprefix("argument ")
        raise refuse("usage", ExitCode.USAGE, f"The command line is not valid at {flag}.", "See --help for the flags.")


def parse(argv: Sequence[str]) -> CommandLine:
    """Parse LiteLLM's flags.

    Raises Refusal (64) for an unknown flag, with the nearest known one, and for two servers at once.
    """
    parser = build_parser()
    known, unknown = parser.parse_known_args(list(argv))
    if unknown:
        raise _unknown(unknown[0], parser)
    found = {key: value for key, value in vars(known).items() if value is not None and value is not False}
    servers = [name for name in SERVERS if found.pop(f"run_{name}", False)]
    if len(servers) > 1:
        raise refuse(
            "two-servers",
            ExitCode.USAGE,
            f"{' and '.join(f'--run_{name}' for name in servers)} exclude each other.",
            "Keep one of them.",
            "One server runs the gateway.",
        )
    if "use_prisma_db_push" in found:
        raise refuse(
            "db-push",
            ExitCode.USAGE,
            "--use_prisma_db_push is not part of starting a gateway.",
            "Run it once by hand: litellm --use_prisma_db_push --skip_server_startup --config FILE.",
            "It may drop columns, with what they hold.",
        )
    environment = dict(pair for flag, pair in VARIABLES.items() if found.pop(flag.removeprefix("--"), False))
    ignored = tuple(flag for flag in NO_EFFECT if found.pop(flag.removeprefix("--"), None) is not None)
    worker = {name: _worker_value(name, found.pop(name)) for name in WORKER_FLAGS if name in found}
    return CommandLine(
        {f"--{name}": value for name, value in found.items()}, worker, environment, ignored, next(iter(servers), None)
    )


def passes_through(argv: Sequence[str]) -> bool:
    """Tell whether the command line asks for one of upstream's one-shot modes."""
    return any(argument in PASS_THROUGH for argument in argv)


def build_parser() -> argparse.ArgumentParser:
    """Build the parser; its help is what ``--help`` prints."""
    parser = _Parser(
        prog="docker run IMAGE",
        usage=f"docker run IMAGE [{' | '.join(VERBS)}] [flags], or docker run IMAGE COMMAND ...",
        description="Start the LiteLLM gateway. The flags are those of LiteLLM's own command.\n\n"
        + "\n".join(f"  {verb:<12} {does}" for verb, does in VERBS.items()),
        epilog=f"LiteLLM's one-shot modes run as upstream: {', '.join(PASS_THROUGH)}.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
        argument_default=None,
    )
    for setting in SETTINGS:
        if setting.flag is None:
            continue
        names = ["-c", setting.flag] if setting.flag == "--config" else [setting.flag]
        text = f"{setting.meaning} (variable {setting.name})".replace("%", "%%")
        if setting.kind == "switch":
            parser.add_argument(*names, action="store_true", help=text)
        else:
            parser.add_argument(*names, metavar=setting.kind.upper(), help=text)
    for server in SERVERS:
        parser.add_argument(f"--run_{server}", action="store_true", help=f"run {server} (variable SLIPWAY_SERVER)")
    for name, is_switch in WORKER_FLAGS.items():
        names = ["-m", "--model"] if name == "model" else [f"--{name}"]
        if is_switch:
            parser.add_argument(*names, action="store_true", help="as LiteLLM")
        else:
            parser.add_argument(*names, metavar="VALUE", help="as LiteLLM")
    for flag in (*VARIABLES, "--use_prisma_db_push"):
        parser.add_argument(flag, action="store_true", help="as LiteLLM")
    for flag, is_switch in NO_EFFECT.items():
        if is_switch:
            parser.add_argument(flag, action="store_true", help=argparse.SUPPRESS)
        else:
            parser.add_argument(flag, help=argparse.SUPPRESS)
    return parser


def _worker_value(name: str, text: object) -> object:
    try:
        if name == "headers":
            return json.loads(str(text))
        return _NUMBERS[name](str(text)) if name in _NUMBERS else text
    except ValueError:
        kind = "JSON" if name == "headers" else "a number"
        raise refuse(
            "setting-invalid", ExitCode.CONFIG, f"flag --{name} is not valid: it must be {kind}.", f"Correct --{name}."
        ) from None


def _unknown(argument: str, parser: argparse.ArgumentParser) -> Refusal:
    # Only the beginning: a secret may be glued to it.
    name = "".join(character for character in argument.split("=")[0][:32] if character.isprintable())
    if not name.startswith("-"):
        return refuse(
            "unknown-argument",
            ExitCode.USAGE,
            "An argument of the command line is no command and belongs to no flag.",
            f"{_meant(name, VERBS)}Put its flag before it; --help lists commands and flags.",
        )
    known = [option for action in parser._actions for option in action.option_strings]
    hint = _meant(name, [*known, *PASS_THROUGH, *COMMANDS, "--version"])
    return refuse("unknown-flag", ExitCode.USAGE, f"Unknown flag {name}.", f"{hint}--help lists the flags.")


def _meant(name: str, known: Iterable[str]) -> str:
    # What all flags begin with makes none of them alike.
    bare = {option.lstrip("-"): option for option in known}
    nearest = difflib.get_close_matches(name.lstrip("-"), bare, n=1, cutoff=_ALIKE)
    found = bare[nearest[0]] if nearest else ""
    return f"Did you mean {COMMANDS.get(found, found)}? " if found else ""
