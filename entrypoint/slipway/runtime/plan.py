"""The plan: settings turned into the exact command line and environment of the server. Nothing here has an effect."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from slipway import budget, servers
from slipway.checks.database import is_configured
from slipway.flags import CommandLine
from slipway.report import ExitCode, Finding, Refusal
from slipway.runtime import database, ui
from slipway.runtime.directories import STATE, Directories
from slipway.servers.options import Options
from slipway.settings import RECYCLING, Settings, choose_server
from slipway.workers import rotation, slots

_PATCH: Final = "SLIPWAY_PATCH_"
# The servers whose workers are replaced by our rotation.
ROTATING: Final = ("uvicorn", "gunicorn")
_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Plan:
    """What will run. ``environment`` holds changes only: a value, or None for a variable that is removed.

    ``only_worker`` says that the server's process is its only worker.
    """

    server: str
    argv: tuple[str, ...]
    environment: dict[str, str | None]
    workers: int
    budget: budget.Budget
    limits: tuple[str, ...]
    only_worker: bool
    sidecar: tuple[str, ...] = ()

    def complete(self, environment: Mapping[str, str]) -> dict[str, str]:
        """Return ``environment`` with this plan's changes applied."""
        merged: dict[str, str | None] = {**environment, **self.environment}
        return {name: value for name, value in merged.items() if value is not None}


def make(
    settings: Settings,
    command_line: CommandLine,
    config: Mapping[str, object],
    directories: Directories,
    environment: Mapping[str, str],
) -> Plan:
    """Turn settings into a plan. Raises Refusal (65) for a setting that the chosen server cannot honour."""
    name = choose_server(settings)
    server = servers.BY_NAME[name]
    _refuse_the_impossible(name, server.CANNOT, settings)
    options = Options.of(settings, directories.temporary)
    command = server.command(options)
    changes: dict[str, str | None] = {
        **command_line.environment,
        **_environment(settings, command_line, config, directories, environment),
        **command.environment,
    }
    return Plan(
        server=name,
        argv=command.argv,
        environment=changes,
        workers=options.workers,
        budget=budget.derive(settings),
        limits=server.LIMITS if options.workers > 1 or name != "uvicorn" else (),
        only_worker=name == "uvicorn" and options.workers == 1,
        sidecar=_metrics_process(settings, options, _metrics_directory(settings, directories, environment)),
    )


def _metrics_directory(settings: Settings, directories: Directories, environment: Mapping[str, str]) -> str | None:
    """Return prometheus_client's multiprocess directory: the user's own, ours, or None where it is not wanted.

    One worker has one, too: the next takes its place before it ends, and others read what it counts.
    """
    if not settings.on("SLIPWAY_SHARED_METRICS"):
        return None
    return (
        environment.get("PROMETHEUS_MULTIPROC_DIR")
        or environment.get("prometheus_multiproc_dir")
        or str(directories.metrics)
    )


def _refuse_the_impossible(name: str, cannot: Mapping[str, str], settings: Settings) -> None:
    findings = [
        Finding(
            "server-cannot",
            "error",
            f"{settings[variable].source} cannot be honoured: {why}.",
            f"Remove it, or choose another server than {name} (SLIPWAY_SERVER).",
            ExitCode.CONFIG,
        )
        for variable, why in cannot.items()
        if settings[variable].asked
    ]
    findings += _refuse_without_supervisor(name, settings)
    if settings["MAX_REQUESTS_BEFORE_RESTART_JITTER"].asked and not settings["MAX_REQUESTS_BEFORE_RESTART"].asked:
        findings.append(
            Finding(
                "jitter-alone",
                "error",
                f"{settings['MAX_REQUESTS_BEFORE_RESTART_JITTER'].source} has no effect without a limit of requests.",
                "Set MAX_REQUESTS_BEFORE_RESTART too.",
                ExitCode.CONFIG,
            )
        )
    if findings:
        raise Refusal(*findings)


def _refuse_without_supervisor(name: str, settings: Settings) -> list[Finding]:
    if settings.on("SLIPWAY_SUPERVISOR"):
        return []
    alone = name == "uvicorn" and settings.number("NUM_WORKERS") == 1
    wanting = ["SLIPWAY_WATCH", *(RECYCLING if alone else ())]
    return [
        Finding(
            "supervisor-needed",
            "error",
            f"{settings[variable].source} needs the supervisor, which is off.",
            "Remove it, or leave SLIPWAY_SUPERVISOR on.",
            ExitCode.CONFIG,
        )
        for variable in wanting
        if settings[variable].asked and settings[variable].value is not False
    ]


def _environment(
    settings: Settings,
    command_line: CommandLine,
    config: Mapping[str, object],
    directories: Directories,
    environment: Mapping[str, str],
) -> dict[str, str | None]:
    changes: dict[str, str | None] = {
        "WORKER_CONFIG": json.dumps(_worker_config(settings, command_line)),
        # LiteLLM prefers this one to WORKER_CONFIG, and ignores it in silence when it is wrong.
        "CONFIG_FILE_PATH": None,
        "NUM_WORKERS": str(settings.number("NUM_WORKERS")),
        "LITELLM_DONT_SHOW_FEEDBACK_BOX": "true",
        "PROXY_BATCH_WRITE_AT": str(settings.number("PROXY_BATCH_WRITE_AT")),
        "PRISMA_RECONNECT_COOLDOWN_SECONDS": str(settings.number("PRISMA_RECONNECT_COOLDOWN_SECONDS")),
        "PYTHON_GC_THRESHOLD": settings.text("PYTHON_GC_THRESHOLD"),
        "NO_PROXY": _with_loopback(environment.get("NO_PROXY") or environment.get("no_proxy") or ""),
        "no_proxy": None,
        "TMPDIR": str(directories.temporary),
        slots.WORKERS_VARIABLE: str(directories.workers),
        database.PENDING: str(directories.workers / "database-pending"),
        rotation.VARIABLE: _rotation(settings, directories),
        slots.FILES_VARIABLE: _metrics_directory(settings, directories, environment),
        # prometheus_client's earlier name for it, which LiteLLM does not read.
        "prometheus_multiproc_dir": None,
    }
    elsewhere = ("flag", "config", "default")
    if not settings["REQUEST_TIMEOUT_SECONDS"].source.startswith(elsewhere) and not environment.get("REQUEST_TIMEOUT"):
        # LiteLLM's default, which what the config and its models say comes before.
        changes["REQUEST_TIMEOUT"] = str(settings.number("REQUEST_TIMEOUT_SECONDS"))
    if settings.on("SLIPWAY_SPEND_SPOOL"):
        changes["SLIPWAY_SPEND_SPOOL_DIR"] = str(STATE / "spend")
    if settings.on("JSON_LOGS"):
        changes["JSON_LOGS"] = "true"
    # One spelling for what reads them, in installed packages too.
    changes |= {name: "off" for name in settings if name.startswith(_PATCH) and not settings.on(name)}
    if is_configured(config, environment):
        changes["SLIPWAY_CONFIG_NAMES_DATABASE"] = "true"
    if ui.wanted(dict(environment)):
        changes["LITELLM_UI_PATH"] = str(directories.ui)
    return {name: value for name, value in changes.items() if value != environment.get(name)}


def _worker_config(settings: Settings, command_line: CommandLine) -> dict[str, object]:
    """Return every field of LiteLLM's ``initialize``: those left out would get other defaults than the command's."""
    config: dict[str, object] = {
        "model": None,
        "alias": None,
        "api_base": None,
        "api_version": None,
        "debug": settings.on("DEBUG"),
        "detailed_debug": settings.on("DETAILED_DEBUG"),
        "temperature": None,
        "max_tokens": None,
        "request_timeout": None,
        "max_budget": None,
        "drop_params": False,
        "add_function_to_prompt": False,
        "headers": None,
        "save": False,
        "config": _absolute(settings.text("CONFIG_FILE_PATH")),
        "use_queue": False,
    }
    if settings["REQUEST_TIMEOUT_SECONDS"].source.startswith("flag"):
        config["request_timeout"] = settings.number("REQUEST_TIMEOUT_SECONDS")
    return {**config, **command_line.worker}


def _rotation(settings: Settings, directories: Directories) -> str | None:
    if choose_server(settings) not in ROTATING:
        return None
    memory = settings.number("SLIPWAY_RECYCLE_MEMORY_MB")
    limits = rotation.Limits(
        directory=str(directories.workers),
        silence=settings.number("TIMEOUT_WORKER_HEALTHCHECK") or 0,
        drain=budget.derive(settings).drain,
        requests=settings.number("MAX_REQUESTS_BEFORE_RESTART"),
        jitter=settings.number("MAX_REQUESTS_BEFORE_RESTART_JITTER") or 0,
        memory=memory and memory * 1_000_000,
        age=settings.number("SLIPWAY_RECYCLE_SECONDS"),
    )
    return limits.text()


def _absolute(path: str | None) -> str | None:
    return os.path.abspath(path) if path else None


def _with_loopback(value: str) -> str:
    present = [entry.strip() for entry in value.split(",") if entry.strip()]
    return ",".join([*present, *(name for name in _LOOPBACK if name not in present)])


def _metrics_process(settings: Settings, options: Options, directory: str | None) -> tuple[str, ...]:
    port = settings.number("PROMETHEUS_METRICS_PORT")
    if port is None or directory is None:
        return ()
    module = "litellm.proxy.prometheus_metrics_server"
    return (
        sys.executable,
        "-P",
        "-m",
        module,
        "--host",
        options.host,
        "--port",
        str(port),
        "--multiproc_dir",
        directory,
    )
