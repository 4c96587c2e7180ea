"""Names of environment variables that nothing reads: misspelt ones, and those that LiteLLM has left behind.

Only names with a beginning that other software in a container does not use are judged (PREFIXES), and those that are
nearly a setting of the launcher. Values are looked at where a name alone says nothing, and never shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from slipway import known, settings
from slipway.config_file import references
from slipway.known import Known, nearest, presentable
from slipway.report import Finding, Severity

if TYPE_CHECKING:
    from slipway.config_tree import Document

# Beginnings of names, and the package that has to be there for the names to be known.
PREFIXES: Final = {
    "SLIPWAY_": "",
    "LITELLM_": "litellm",
    "FAST_LITELLM_": "fast_litellm",
    "PRISMA_": "prisma",
    "DATABASE_": "litellm",
    "REDIS_": "litellm",
    "PROMETHEUS_": "prometheus_client",
    "SPEND_LOG_": "litellm",
    "PROXY_BATCH_": "litellm",
    "PROXY_BUDGET_": "litellm",
}
# Set by Kubernetes and Docker for each service that a container can reach; any of them may be called litellm or redis.
_SERVICE: Final = re.compile(
    r".+_(?:SERVICE_(?:HOST|PORT\w*)|PORT_\d+_(?:TCP|UDP|SCTP)(?:_(?:ADDR|PORT|PROTO))?|ENV_.+)\Z"
)
_ADDRESS: Final = re.compile(r"(?:tcp|udp|sctp)://")
# What the launcher and its processes tell each other; `slipway check` beside a running gateway sees some of them.
INTERNAL: Final = frozenset(
    {
        *("SLIPWAY_ACCELERATION_COMPONENTS", "SLIPWAY_CONFIG_NAMES_DATABASE", "SLIPWAY_DATABASE_PENDING"),
        *("SLIPWAY_ENGINE_WORKER", "SLIPWAY_FORKS_WORKERS", "SLIPWAY_GUNICORN_SETTINGS", "SLIPWAY_ROTATION"),
        *("SLIPWAY_SECRETS_FROM_FILES", "SLIPWAY_SECRETS_HELD", "SLIPWAY_SPAWNED_BY", "SLIPWAY_SPEND_SPOOL_DIR"),
        # Set by the command that stands beside an installation (docker/systemd).
        *("SLIPWAY_PREFIX", "SLIPWAY_WORKERS_DIR"),
    }
)
# Read by the query engine and the prisma command of this image (docker/prisma), which are no Python.
_ENGINE: Final = frozenset(
    {"PRISMA_DML", "PRISMA_DML_PATH", "PRISMA_MIGRATE_SKIP_GENERATE", "PRISMA_SCHEMA_DISABLE_ADVISORY_LOCK"}
)
_NOT_HERE: Final = "Remove it; this image has no such thing."
# Those that LiteLLM once read, or that its own image or command reads: how bad that is, and what does the work here.
GONE: Final[Mapping[str, tuple[Severity, str]]] = {
    "USE_PRISMA_MIGRATE": ("info", "Remove it; SLIPWAY_MIGRATE says what a start does about migrations."),
    "ENFORCE_PRISMA_MIGRATION_CHECK": ("info", "Remove it; a start that cannot migrate is refused."),
    "USE_V2_MIGRATION_RESOLVER": ("info", "Remove it; there is no other way of migrating any more."),
    "SEPARATE_HEALTH_APP": ("info", "Remove it; port 4001 answers /livez and /readyz, whatever the workers do."),
    "SEPARATE_HEALTH_PORT": ("warning", "Set SLIPWAY_MANAGEMENT_PORT, and probe /livez and /readyz there."),
    "SUPERVISORD_STOPWAITSECS": ("warning", "Set REQUEST_TIMEOUT_SECONDS; the time to stop follows from it."),
    "SET_VERBOSE": ("warning", "Set LITELLM_LOG=DEBUG."),
    "LITELLM_LOG_FILE": ("warning", "Collect the container's output; nothing is written to a log file."),
    "LITELLM_ARGS": ("warning", "Give the flags as arguments of the container."),
    "LITELLM_COMPONENT": ("warning", "Give the container its command: serve (the default) or migrate."),
    "LITELLM_HOSTED_UI": ("warning", _NOT_HERE),
    "LITELLM_EMAIL": ("warning", _NOT_HERE),
    "LITELLM_TOKEN": ("warning", _NOT_HERE),
    "LITELLM_PGBOUNCER_ENABLED": ("warning", "Run PgBouncer beside the gateway, and set DIRECT_URL past it."),
    "PRISMA_SCHEMA_ENGINE_BINARY": ("info", "Remove it; the image's own engine migrates."),
    "PRISMA_CLI_BINARY_TARGETS": ("info", "Remove it; the image's engines run on every processor."),
    "PRISMA_ENGINES_MIRROR": ("info", "Remove it; nothing is downloaded."),
    "PRISMA_ENGINES_CHECKSUM_IGNORE_MISSING": ("info", "Remove it; nothing is downloaded."),
    "PRISMA_SKIP_POSTINSTALL_GENERATE": ("info", "Remove it; nothing is installed."),
}
# For a setting without one of the beginnings, two names must be this much alike.
_NEARLY_THE_SAME: Final = 0.9
_SHORTEST: Final = 8


def check(config: Mapping[str, object], environment: Mapping[str, str]) -> list[Finding]:
    """Return a finding for each variable that does nothing. ``config`` is the one with what it includes."""
    names = known.load()
    return judge(environment, {name for _, name in references(config)}, names) if names else []


def judge(environment: Mapping[str, str], referred: set[str], names: Known) -> list[Finding]:
    """Return the findings on an environment; names in ``referred`` are the user's own."""
    findings = [_gone(name, *GONE[name]) for name in sorted(GONE.keys() & environment.keys()) if environment[name]]
    for name, value in sorted(environment.items()):
        if name in GONE or name in referred or _is_known(name, names) or _is_service_link(name, value):
            continue
        findings += _unknown(name, names)
    return [*findings, *_links(environment)]


def check_section(documents: Sequence[Document], names: Known) -> list[Finding]:
    """Return the findings on ``environment_variables`` of the config, which LiteLLM sets in each worker."""
    findings: list[Finding] = []
    for entry in (entry for document in documents for entry in document.entries):
        if entry.section != "environment_variables" or entry.key is None:
            continue
        if entry.value.tag.endswith(":null"):
            findings.append(
                Finding(
                    "variable-empty",
                    "warning",
                    f"{entry.at}: {entry.shown} has no value, and LiteLLM sets the variable to the text None.",
                    "Give it a value, or remove the line.",
                )
            )
        if entry.key in _LAUNCHERS:
            findings.append(
                Finding(
                    "variable-too-late",
                    "warning",
                    f"{entry.at}: {entry.shown} has no effect: the launcher reads it before LiteLLM reads this file.",
                    "Set it as a variable of the container.",
                )
            )
        elif not _is_known(entry.key, names):
            findings += [
                Finding(finding.id, finding.severity, f"{entry.at}: {finding.what}", finding.fix, why=finding.why)
                for finding in _unknown(entry.key, names)
            ]
    return findings


_LAUNCHERS: Final = frozenset(name for setting in settings.SETTINGS for name in (setting.name, *setting.aliases))


def _is_known(name: str, names: Known) -> bool:
    for form in (name, name.removesuffix("_FILE")):
        if form in names.variables or form in _LAUNCHERS or form in INTERNAL or form in _ENGINE:
            return True
    # prometheus_client's earlier name, which the launcher honours.
    return name.startswith(names.beginnings) or name == "prometheus_multiproc_dir"


def _is_service_link(name: str, value: str) -> bool:
    return _SERVICE.match(name) is not None or (name.endswith("_PORT") and _ADDRESS.match(value) is not None)


def _unknown(name: str, names: Known) -> Iterator[Finding]:
    prefix = next((prefix for prefix in PREFIXES if name.upper().startswith(prefix)), "")
    if not prefix:
        near = _nearly_a_setting(name)
        if near:
            yield _finding(name, near)
    elif not PREFIXES[prefix] or PREFIXES[prefix] in names.packages:
        yield _finding(name, nearest(name, names.variables | _LAUNCHERS))


def _nearly_a_setting(name: str) -> str | None:
    """Return the setting that ``name`` was meant to be, if it is nearly one: most have no beginning of their own."""
    if len(name) < _SHORTEST or "_" not in name or name[-1].isdecimal():
        return None
    close = [other for other in _LAUNCHERS if other[:3] == name[:3] and abs(len(other) - len(name)) <= 2]
    return nearest(name, close, _NEARLY_THE_SAME) if close else None


def _finding(name: str, near: str | None) -> Finding:
    shown = name if presentable(name) else "A variable whose name is not shown, as it is not written like one,"
    return Finding(
        "variable-unknown",
        "warning",
        f"{shown} is set, and neither LiteLLM nor the launcher reads it.",
        f"Did you mean {near}?" if near else "Remove it, or correct its name.",
    )


def _gone(name: str, severity: Severity, fix: str) -> Finding:
    return Finding("variable-without-effect", severity, f"{name} has no effect in this image.", fix)


def _links(environment: Mapping[str, str]) -> Iterator[Finding]:
    """Tell of a service called redis, whose port Kubernetes writes over LiteLLM's setting."""
    if environment.get("REDIS_HOST") and _ADDRESS.match(environment.get("REDIS_PORT", "")):
        yield Finding(
            "service-link",
            "warning",
            "REDIS_PORT holds an address, as Kubernetes sets it for a service called redis, and LiteLLM takes it for "
            "the port.",
            "Set REDIS_PORT to the number, or enableServiceLinks: false in the pod.",
        )
