"""The command line: one function a command, ``serve`` when none is named."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Final

from slipway import __version__, log, report
from slipway.commands import VERBS
from slipway.report import ExitCode, Refusal, refuse

_WITHOUT_ARGUMENTS: Final = ("healthcheck", "drain", "reload", "version")
_HELP: Final = ("-h", "--help")


def main(argv: Sequence[str]) -> int:
    """Run one command and return its exit code. ``serve`` does not return when it succeeds."""
    command, arguments = (argv[0], argv[1:]) if argv and argv[0] in VERBS else ("serve", argv)
    # Refusals of the settings themselves come before they are resolved.
    log.use_json(os.environ.get("JSON_LOGS", "").strip().lower() in ("1", "true", "yes", "on"))
    try:
        if command in _WITHOUT_ARGUMENTS and arguments:
            return _alone(command, arguments)
        match command:
            case "check":
                return _check(arguments)
            case "migrate":
                return _migrate(arguments)
            case "explain":
                return _explain(arguments)
            case "healthcheck":
                return _healthcheck()
            case "drain":
                return _drain()
            case "reload":
                return _reload()
            case "version":
                return _version()
            case _:
                return _serve(arguments)
    except Refusal as refusal:
        report.show(refusal.findings, json_lines=log.is_json())
        return report.exit_code(refusal.findings)
    except Exception as problem:
        # The message of an unknown error may hold a value; its type and place do not.
        return _bug(problem)


def _serve(argv: Sequence[str]) -> int:
    from slipway import flags

    if "--version" in argv or "-v" in argv:
        # The words of LiteLLM's own command, without importing it.
        print(f"\nLiteLLM: Current Version = {_installed('litellm')}\n")
        return ExitCode.DONE
    if any(asked in argv for asked in _HELP):
        flags.build_parser().print_help()
        return ExitCode.DONE
    if flags.passes_through(argv):
        os.execvp("litellm", ["litellm", *argv])
    from slipway.runtime import start

    start.serve(argv)


def _alone(command: str, arguments: Sequence[str]) -> int:
    """Refuse arguments of a command that has none, before it does what nobody may have meant."""
    if any(asked in arguments for asked in _HELP):
        print(f"slipway {command}: {VERBS[command]}")
        return ExitCode.DONE
    raise refuse("unknown-argument", ExitCode.USAGE, f"{command} takes no arguments.", "Leave them out.")


def _check(argv: Sequence[str]) -> int:
    from slipway.runtime import start

    findings = start.check(argv, dict(os.environ))
    report.show(findings, json_lines=log.is_json())
    return report.exit_code(findings)


def _migrate(argv: Sequence[str]) -> int:
    from slipway.runtime import database, start

    own, rest = database.take_options(argv)
    return database.command(own, *start.for_migrating(rest, dict(os.environ)))


def _explain(argv: Sequence[str]) -> int:
    from slipway import explain
    from slipway.runtime import start

    arguments, style = _take_format(argv)
    considered = start.consider(arguments, dict(os.environ), explaining=True)
    report.show(considered.findings)
    print(explain.as_json(considered) if style == "json" else explain.as_text(considered))
    return ExitCode.DONE


def _take_format(argv: Sequence[str]) -> tuple[list[str], str]:
    arguments = list(argv)
    for index, argument in enumerate(arguments):
        name, separator, value = argument.partition("=")
        if name != "--format":
            continue
        value = value if separator else "".join(arguments[index + 1 : index + 2])
        if value not in ("text", "json"):
            raise refuse("format", ExitCode.USAGE, "--format is neither text nor json.", "Use --format json.")
        return arguments[:index] + arguments[index + (1 if separator else 2) :], value
    return arguments, "text"


def _healthcheck() -> int:
    from slipway.runtime import health

    problem = health.check()
    if problem is None:
        return ExitCode.DONE
    # Docker knows healthy (0) and unhealthy (1) only.
    print(problem)
    return 1


def _drain() -> int:
    from slipway.runtime import health

    return _told(health.drain())


def _reload() -> int:
    from slipway.runtime import health

    return _told(health.reload())


def _told(problem: str | None) -> int:
    if problem is None:
        return ExitCode.DONE
    log.line(problem, level="error")
    return 1


def _installed(package: str) -> str:
    # Imported here: it takes as long as the rest of a start.
    from importlib.metadata import version

    return version(package)


def _version() -> int:
    from slipway.database import extras

    names = ("litellm", "uvicorn", "gunicorn", "hypercorn", "granian", "fast-litellm")
    print(f"slipway {__version__}")
    for name in names:
        print(f"{name} {_installed(name)}")
    print(f"python {sys.version.split()[0]}")
    print(f"migrations up to {extras.shipped()[-1]}")
    return ExitCode.DONE


def _bug(problem: Exception) -> int:
    frame = problem.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    place = f"{os.path.basename(frame.tb_frame.f_code.co_filename)}:{frame.tb_lineno}" if frame else "unknown"
    report.show(
        [
            report.Finding(
                "bug",
                "error",
                f"Slipway itself failed ({type(problem).__name__} at {place}).",
                "Report this line with the output of `version`.",
                ExitCode.INTERNAL,
            )
        ]
    )
    return ExitCode.INTERNAL
