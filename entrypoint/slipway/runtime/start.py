"""The order of a start: resolve, check, prepare, exec. The first three end here when something is wrong."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn

from slipway import (
    __version__,
    budget,
    checks,
    config_file,
    descriptors,
    flags,
    log,
    processes,
    report,
    secret_files,
    secrets,
    settings,
)
from slipway.checks import database as database_check
from slipway.checks import integrity
from slipway.commands import KEEP, NAMED_BY
from slipway.database import address
from slipway.database.absence import tolerates_absence
from slipway.report import Finding, Refusal
from slipway.runtime import assignment, database, health, plan, secret_changes, service_manager, ui
from slipway.runtime import directories as writable
from slipway.runtime.acceleration import proof, request
from slipway.runtime.schema import Schema
from slipway.servers import gunicorn
from slipway.workers import configuration, rotation


@dataclass(frozen=True, slots=True)
class Start:
    """Everything known before anything is touched. ``database`` says what names one, ``taken`` what files hold."""

    arguments: tuple[str, ...]
    settings: settings.Settings
    config: Mapping[str, object]
    directories: writable.Directories
    plan: plan.Plan
    acceleration: proof.Acceleration
    database: str | None
    findings: tuple[Finding, ...]
    taken: secret_files.Taken = secret_files.NOTHING

    @property
    def secrets(self) -> dict[str, str]:
        """What came from files and goes to whoever serves as it is: the plan has the last word on what it changes."""
        return {name: value for name, value in self.taken.values.items() if name not in self.plan.environment}


def resolve(
    argv: Sequence[str], environment: Mapping[str, str], named_by: str = ""
) -> tuple[flags.CommandLine, settings.Settings, Mapping[str, object]]:
    """Parse the command line and the config file and resolve every setting. Raises Refusal (64, 65).

    ``named_by`` says who named the config file, where it was not the command line that has it now.
    """
    command_line = flags.parse(argv)
    # The config file's place is a setting itself: resolve once without the file, then with it.
    early = settings.resolve(command_line.given, environment, {}, secrets.origin)
    if early["CONFIG_FILE_PATH"].value is None and os.path.exists(config_file.DEFAULT_PATH):
        early = early.replaced("CONFIG_FILE_PATH", config_file.DEFAULT_PATH, "the image's default path")
    if named_by:
        early = early.replaced("CONFIG_FILE_PATH", early["CONFIG_FILE_PATH"].value, named_by)
    config_path = early["CONFIG_FILE_PATH"]
    config = config_file.read(str(config_path.value), config_path.source) if config_path.value else {}
    resolved = settings.resolve(command_line.given, environment, config, secrets.origin)
    resolved = resolved.replaced("CONFIG_FILE_PATH", config_path.value, config_path.source)
    if command_line.server is not None:
        resolved = resolved.replaced("SLIPWAY_SERVER", command_line.server, f"flag --run_{command_line.server}")
    return command_line, _with_gunicorns_variable(resolved, environment), config


def _with_gunicorns_variable(resolved: settings.Settings, environment: Mapping[str, str]) -> settings.Settings:
    text = environment.get(gunicorn.VARIABLE, "").strip()
    if not text or settings.choose_server(resolved) != "gunicorn":
        return resolved
    try:
        changed = gunicorn.from_variable(text)
    except ValueError as problem:
        raise report.refuse(
            "gunicorn-arguments",
            report.ExitCode.CONFIG,
            f"{gunicorn.VARIABLE} cannot be used: {problem}.",
            f"Correct {gunicorn.VARIABLE}; `gunicorn --help` lists its options.",
        ) from None
    for name, value in changed.items():
        if not resolved[name].source.startswith("flag"):
            resolved = resolved.replaced(name, value, secrets.origin(gunicorn.VARIABLE))
    return resolved


def consider(
    argv: Sequence[str],
    environment: Mapping[str, str],
    taken: secret_files.Taken = secret_files.NOTHING,
    *,
    explaining: bool = False,
    named_by: str = "",
) -> Start:
    """Work out the whole start without an effect. ``taken`` is what of ``environment`` came from files.

    Raises Refusal with the code of the first error. With ``explaining``, errors that do not hinder the explanation are
    findings like others, and the ports of a running gateway are left alone. ``named_by`` is as for ``resolve``.
    """
    try:
        command_line, resolved, config = resolve(argv, environment, named_by)
    except Refusal as refusal:
        raise Refusal(*taken.findings, *refusal.findings) from None
    log.use_json(resolved.on("JSON_LOGS"))
    runtime = resolved["SLIPWAY_RUNTIME_DIR"]
    found = [*taken.findings, *checks.run(checks.Facts(resolved, config, environment, ports=not explaining))]
    if report.exit_code(found) and not explaining:
        raise Refusal(*found)
    try:
        directories = writable.choose(str(runtime.value), asked=runtime.asked)
        planned = plan.make(resolved, command_line, config, directories, environment)
    except Refusal as refusal:
        raise Refusal(*found, *refusal.findings) from None
    # The last check, as the only one that may take seconds.
    accelerated = proof.settle(resolved.text(request.VARIABLE) or "off", planned.complete(environment))
    found = [*found, *accelerated.findings]
    if report.exit_code(found) and not explaining:
        raise Refusal(*found)
    changes = {**planned.environment, **accelerated.environment(environment)}
    planned = replace(planned, environment=changes)
    if taken.values and resolved.on("SLIPWAY_SUPERVISOR") and not writable.in_memory(directories.runtime):
        found.append(_on_disk(directories.runtime))
    ignored = [
        Finding("flag-without-effect", "info", f"{flag} has no effect, as upstream.", f"Remove {flag}.")
        for flag in command_line.ignored
    ]
    database_named_by = address.source(config, environment)
    findings = (*found, *directories.findings, *ignored)
    return Start(tuple(argv), resolved, config, directories, planned, accelerated, database_named_by, findings, taken)


def _on_disk(runtime: Path) -> Finding:
    return Finding(
        "secrets-on-disk",
        "warning",
        f"What the files of secrets hold is kept in {runtime} for reloads and for workers that are replaced, and that "
        "is on a disk.",
        f"Mount memory there: docker run --tmpfs {runtime}:mode=1777.",
        why="It is removed when the gateway ends, and stays there when it is killed.",
    )


def propose(
    directory: Path, argv: Sequence[str], environment: Mapping[str, str], taken: secret_files.Taken, named_by: str = ""
) -> tuple[Finding, ...]:
    """Return what a start would say, and keep the configuration in ``directory`` for a reload when nothing is wrong.

    Raises Refusal for what a start could not go on from.
    """
    start = consider(argv, environment, taken, explaining=True, named_by=named_by)
    changed = secret_changes.between(configuration.secrets_in_force(directory) or {}, start.secrets)
    database = start.database is not None
    findings = (*start.findings, *secret_changes.judge(changed, start.config, environment, database=database))
    if not report.exit_code(findings):
        if changed:
            log.line(f"reload: changed secrets: {', '.join(changed)}")
        with writable.refusing(directory):
            configuration.propose(directory, config_files(start), start.secrets)
        path = start.settings.text("CONFIG_FILE_PATH")
        kept = configuration.proposed(directory).get(os.path.abspath(path)) if path else None
        if kept is not None and not config_file.same(config_file.parse(kept, str(path)), start.config):
            raise report.refuse(
                "config-changing",
                report.ExitCode.CONFIG,
                "The config file changed while it was checked.",
                "Ask for the reload again once it is written.",
            )
    return findings


def for_migrating(
    argv: Sequence[str], environment: Mapping[str, str], taken: secret_files.Taken
) -> tuple[settings.Settings, Mapping[str, object], dict[str, str]]:
    """Return what ``migrate`` needs: settings, config file and environment. Raises Refusal."""
    command_line, resolved, config = resolve(argv, environment)
    log.use_json(resolved.on("JSON_LOGS"))
    found = [
        *taken.findings,
        *integrity.at_start(allowed=resolved.on(integrity.SETTING)),
        *database_check.check(config, environment),
    ]
    if report.exit_code(found):
        raise Refusal(*found)
    runtime = resolved["SLIPWAY_RUNTIME_DIR"]
    directories = writable.choose(str(runtime.value), asked=runtime.asked)
    planned = plan.make(resolved, command_line, config, directories, environment)
    return resolved, config, planned.complete(environment)


def serve(argv: Sequence[str], environment: Mapping[str, str], taken: secret_files.Taken) -> NoReturn:
    """Start the gateway in place of this process. Raises Refusal when it must not start."""
    # Asked for a reload now, the gateway does it once it has started.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    phases = Phases()
    start = consider(argv, environment, taken)
    phases.end("check")
    resolved, planned = start.settings, start.plan
    report.show(start.findings, json_lines=resolved.on("JSON_LOGS"))
    complete = planned.complete(environment)
    metrics = complete.get("PROMETHEUS_MULTIPROC_DIR")
    supervised = resolved.on("SLIPWAY_SUPERVISOR")
    with writable.refusing(start.directories.runtime):
        writable.prepare(start.directories, Path(metrics) if metrics else None)
        health.remember(
            start.directories.runtime,
            management=_address(resolved, "SLIPWAY_MANAGEMENT_") if supervised else None,
            gateway=(*_address(resolved, ""), resolved.text("SSL_KEYFILE_PATH") is not None),
        )
        if supervised:
            configuration.keep(start.directories.workers, config_files(start), start.secrets)
    try:
        if complete.get("LITELLM_UI_PATH") == str(start.directories.ui):
            ui.rewrite(dict(environment), start.directories.ui)
        phases.end("prepare")
        service_manager.prepare(environment, budget.start(resolved, database=start.database is not None))
        schema, helper = _settle_database(start, complete)
    except BaseException:
        # Nobody will read it, and a volume would keep it.
        configuration.forget(start.directories.workers)
        raise
    phases.end("database")
    log.line(_announcement(start, supervised))
    log.line(f"give the container time to stop: {planned.budget.arithmetic}")
    if start.acceleration.announcement:
        log.line(start.acceleration.announcement)
    for limit in planned.limits:
        log.line(f"{planned.server}: {limit}")
    command = supervised_argv(start, schema, helper, phases.seconds) if supervised else planned.argv
    sys.stdout.flush()
    if helper and not supervised:
        subprocess.Popen(helper, env=complete, start_new_session=True)
    descriptors.raise_limit()
    if supervised:
        # One that arrives now waits until the supervisor reads it.
        signal.pthread_sigmask(signal.SIG_BLOCK, assignment.STOP)
    else:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})
    os.execve(command[0], command, _handed_on(start, complete, supervised))


def _handed_on(start: Start, complete: dict[str, str], supervised: bool) -> dict[str, str]:
    """Return the environment of what takes this process's place.

    Under a supervisor, whoever serves takes the secrets that came from files from where they are kept, so that they
    stand in no program's environment, and a reload reads the files anew without finding the variables set.
    """
    if not start.taken.values:
        return complete
    marked = {**complete, secrets.FROM_FILES: ",".join(sorted(start.taken.values))}
    return {name: value for name, value in marked.items() if not (supervised and name in start.secrets)}


class Phases:
    """How long each part of the start took, in seconds; the first from the start of this process."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._began = time.monotonic() - processes.age()

    def end(self, name: str) -> None:
        """End the part that began with the end of the one before."""
        now = time.monotonic()
        self.seconds[name] = now - self._began
        self._began = now


def _settle_database(start: Start, environment: Mapping[str, str]) -> tuple[Schema, tuple[str, ...]]:
    """Prepare the database; return how far it is, and the command line of what is left for the background, if anything.

    Ends here with SLIPWAY_MIGRATE=only. Raises Refusal.
    """
    found = database.find(start.settings, start.config, environment)
    if found is None:
        return Schema.NONE, ()
    schema = database.settle(found)
    if database.mode(start.settings) == "only":
        log.line("the database has this image's schema")
        sys.exit(report.ExitCode.DONE)
    done = schema in (Schema.READY, Schema.BEHIND)
    return schema, () if done else database.background_argv(start.settings.text("CONFIG_FILE_PATH"))


def _litellms_version() -> str:
    # importlib.metadata would take as long as all checks together.
    found = next(integrity.PACKAGES.glob("litellm-*.dist-info"), None)
    return found.stem.partition("-")[2] if found else "unknown"


def supervised_argv(
    start: Start,
    schema: Schema = Schema.NONE,
    helper: tuple[str, ...] = (),
    phases: Mapping[str, float] | None = None,
) -> tuple[str, ...]:
    """Return the supervisor's command line, which holds the server's; ``phases`` are seconds that the start took."""
    resolved, planned = start.settings, start.plan
    host, port = _address(resolved, "")
    management_host, management_port = _address(resolved, "SLIPWAY_MANAGEMENT_")
    config = resolved["CONFIG_FILE_PATH"]
    rotating = planned.server in plan.ROTATING
    assigned = assignment.Assignment(
        server=planned.server,
        argv=planned.argv,
        host=host,
        port=port,
        management_host=management_host,
        management_port=management_port,
        workers=planned.workers,
        workers_directory=str(start.directories.workers),
        settle_seconds=planned.budget.settle,
        drain_seconds=planned.budget.drain,
        silence_seconds=resolved.number("TIMEOUT_WORKER_HEALTHCHECK") or 0,
        needs_database=start.database is not None and not tolerates_absence(start.config),
        only_worker=planned.only_worker,
        rotation=planned.environment.get(rotation.VARIABLE) or "",
        json_logs=resolved.on("JSON_LOGS"),
        sidecar=planned.sidecar,
        helper=helper,
        check=_check_argv(start, config) if rotating else (),
        watched=_watched(start) if resolved.on("SLIPWAY_WATCH") else (),
        watches_secrets=resolved.on("SLIPWAY_WATCH"),
        metrics_files=planned.complete(os.environ).get("PROMETHEUS_MULTIPROC_DIR") or "",
        metrics_token_file=resolved.text("SLIPWAY_METRICS_TOKEN_FILE") or "",
        metrics_open=resolved.text("SLIPWAY_METRICS_AUTH") == "off",
        build={"version": __version__, "litellm": _litellms_version(), "server": planned.server},
        phases=dict(phases or {}),
        schema=schema,
        acceleration={state.name: state.state for state in start.acceleration.states},
    )
    return (sys.executable, "-P", "-m", "slipway.runtime.supervisor", assigned.argument())


def config_files(start: Start) -> tuple[str, ...]:
    """Return the config file and what is included, nothing without one."""
    path = start.settings.text("CONFIG_FILE_PATH")
    return (path, *config_file.included(start.config, path)) if path else ()


def _watched(start: Start) -> tuple[str, ...]:
    tls = (start.settings.text("SSL_KEYFILE_PATH"), start.settings.text("SSL_CERTFILE_PATH"))
    return (*config_files(start), *(file for file in tls if file))


def _check_argv(start: Start, config: settings.Resolved) -> tuple[str, ...]:
    """Return the command line that checks a new configuration as this start was checked, and keeps it."""
    # The server's environment no longer has the variable that named the file.
    named = bool(config.value) and not config.source.startswith("flag")
    before = (f"{NAMED_BY}{config.source}",) if named else ()
    after = ("--config", str(config.value)) if named else ()
    kept = f"{KEEP}{start.directories.workers}"
    return (sys.executable, "-P", "-m", "slipway", "check", kept, *before, *start.arguments, *after)


def _address(resolved: settings.Settings, prefix: str) -> tuple[str, int]:
    return resolved.text(f"{prefix}HOST") or "", resolved.number(f"{prefix}PORT") or 0


def _announcement(start: Start, supervised: bool) -> str:
    host, port = _address(start.settings, "")
    workers = f"{start.plan.workers} worker{'s' if start.plan.workers > 1 else ''}"
    management = (
        f"management port {start.settings.number('SLIPWAY_MANAGEMENT_PORT')}" if supervised else "no supervisor"
    )
    return f"slipway {__version__}: {start.plan.server}, {workers}, {host}:{port}, {management}"
