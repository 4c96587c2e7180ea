"""The command line: one function a command, ``serve`` when none is named."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from slipway import __version__, confinement, core_files, log, report, secret_files, secrets
from slipway.commands import KEEP, NAMED_BY, VERBS
from slipway.report import ExitCode, Refusal, refuse

_WITHOUT_ARGUMENTS: Final = ("healthcheck", "drain", "reload", "version")
_WAIT: Final = "--wait"
_HELP: Final = ("-h", "--help")


def main(argv: Sequence[str]) -> int:
    """Run one command and return its exit code. ``serve`` does not return when it succeeds."""
    command, arguments = (argv[0], argv[1:]) if argv and argv[0] in VERBS else ("serve", argv)
    # Refusals of the settings themselves come before they are resolved.
    log.use_json(os.environ.get("JSON_LOGS", "").strip().lower() in ("1", "true", "yes", "on"))
    core_files.forbid(os.environ)
    try:
        if command in _WITHOUT_ARGUMENTS and arguments and (command, *arguments) != ("reload", _WAIT):
            return _alone(command, arguments)
        match command:
            case "check":
                return _check(arguments)
            case "migrate":
                return _migrate(arguments)
            case "salt":
                return _salt(arguments)
            case "explain":
                return _explain(arguments)
            case "egress":
                return _egress(arguments)
            case "healthcheck":
                return _healthcheck()
            case "drain":
                return _drain()
            case "reload":
                return _reload(wait=bool(arguments))
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
    confinement.confine(os.environ)
    taken = _take_secrets()
    if flags.passes_through(argv):
        if report.exit_code(taken.findings):
            raise Refusal(*taken.findings)
        os.execvp("litellm", ["litellm", *argv])
    from slipway.runtime import start

    start.serve(argv, dict(os.environ), taken)


def _take_secrets() -> secret_files.Taken:
    """Give this process's environment what files hold; what is wrong with them is among the result's findings."""
    taken = secret_files.take(os.environ)
    os.environ.update(taken.values)
    secrets.remember(taken.sources)
    return taken


def _alone(command: str, arguments: Sequence[str]) -> int:
    """Refuse arguments of a command that has none, before it does what nobody may have meant."""
    if any(asked in arguments for asked in _HELP):
        print(f"slipway {command}: {VERBS[command]}")
        return ExitCode.DONE
    if command == "reload":
        what, fix = f"reload takes no arguments but {_WAIT}.", f"Leave out all but {_WAIT}."
    else:
        what, fix = f"{command} takes no arguments.", "Leave them out."
    raise refuse("unknown-argument", ExitCode.USAGE, what, fix)


def _check(argv: Sequence[str]) -> int:
    if argv and argv[0].startswith(KEEP):
        return _check_for_reload(Path(argv[0].removeprefix(KEEP)), argv[1:])
    from slipway import diagnosis

    arguments, style = _take_format(argv, usual="text" if sys.stdout.isatty() else "json")
    offline = diagnosis.OFFLINE in arguments
    arguments = [argument for argument in arguments if argument != diagnosis.OFFLINE]
    # What is said meanwhile, as of a wait, is for a person; the answer is for a program, too.
    taken = _take_secrets()
    findings = diagnosis.diagnose(arguments, dict(os.environ), taken, offline=offline)
    if style == "json":
        print(diagnosis.as_json(findings))
    else:
        colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        report.show(findings, colour=colour, stream=sys.stdout)
        print(diagnosis.summary(findings))
    return report.exit_code(findings)


def _check_for_reload(directory: Path, argv: Sequence[str]) -> int:
    from slipway.runtime import start

    named_by = argv[0].removeprefix(NAMED_BY) if argv and argv[0].startswith(NAMED_BY) else ""
    taken = _take_secrets()
    findings = start.propose(directory, argv[1:] if named_by else argv, dict(os.environ), taken, named_by)
    report.show(findings, json_lines=log.is_json())
    return report.exit_code(findings)


def _migrate(argv: Sequence[str]) -> int:
    from slipway.runtime import database, start
    from slipway.workers.environment import take_over

    confinement.confine(os.environ)
    own, rest = database.take_options(argv)
    if database.BACKGROUND in own:
        # A part of the gateway that runs: what is in force, whatever the files have become.
        take_over(os.environ)
        secrets.remember({name: f"secret {name}" for name in secrets.of_this_gateway(os.environ)})
        taken = secret_files.NOTHING
    else:
        taken = _take_secrets()
    return database.command(own, *start.for_migrating(rest, dict(os.environ), taken))


def _salt(argv: Sequence[str]) -> int:
    from slipway.runtime import salt

    confinement.confine(os.environ)
    taken = _take_secrets()
    return salt.command(argv, dict(os.environ), taken)


def _explain(argv: Sequence[str]) -> int:
    from slipway import explain
    from slipway.runtime import start
    from slipway.units import quadlet, systemd

    formats = {
        "text": explain.as_text,
        "json": explain.as_json,
        "systemd": systemd.unit,
        "quadlet": quadlet.container,
    }
    arguments, style = _take_format(argv, usual="text", styles=tuple(formats))
    taken = _take_secrets()
    considered = start.consider(arguments, dict(os.environ), taken, explaining=True)
    if style in ("systemd", "quadlet") and report.exit_code(considered.findings):
        # What would not start gets no unit, which might take the place of one that does.
        raise Refusal(*considered.findings)
    report.show(considered.findings)
    print(formats[style](considered))
    return ExitCode.DONE


def _egress(argv: Sequence[str]) -> int:
    from slipway.egress import command

    arguments, style = _take_format(argv, usual="text", styles=command.FORMATS)
    taken = _take_secrets()
    text, findings = command.run(arguments, dict(os.environ), style)
    # A file that cannot be read leaves its variable unset, and the list says what that leaves open.
    report.show([*taken.findings, *findings])
    print(text)
    return report.exit_code(findings)


def _take_format(argv: Sequence[str], *, usual: str, styles: Sequence[str] = ("text", "json")) -> tuple[list[str], str]:
    arguments = list(argv)
    for index, argument in enumerate(arguments):
        name, separator, value = argument.partition("=")
        if name != "--format":
            continue
        value = value if separator else "".join(arguments[index + 1 : index + 2])
        if value not in styles:
            words = ", ".join(styles)
            raise refuse("format", ExitCode.USAGE, f"--format is none of {words}.", f"Use one of {words}.")
        return arguments[:index] + arguments[index + (1 if separator else 2) :], value
    return arguments, usual


def _healthcheck() -> int:
    from slipway.runtime import health

    finding = health.check()
    if finding is None:
        return ExitCode.DONE
    # Docker keeps what is printed, and knows healthy (0) and unhealthy (1) only.
    report.show([finding], stream=sys.stdout)
    return 1


def _drain() -> int:
    from slipway.runtime import health

    return _told(health.drain())


def _reload(*, wait: bool) -> int:
    from slipway.runtime import health

    return _told(health.reload(wait=wait))


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
