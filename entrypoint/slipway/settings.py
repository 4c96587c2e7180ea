"""Every setting once: its variable, its flag, its place in the config file, its type, default and meaning.

Precedence is flag, then variable, then config file, then default. A blank variable counts as unset, as it does for
LiteLLM's own command. The table in README.md is generated from ``SETTINGS``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from slipway.report import ExitCode, Finding, Refusal

Value = str | int | bool | None
Kind = Literal["text", "integer", "integers", "switch", "path"]
SERVERS: Final = ("uvicorn", "gunicorn", "hypercorn", "granian")
LOG_LEVELS: Final = ("debug", "info", "warning", "error", "critical")
# What has a worker replaced.
RECYCLING: Final = ("MAX_REQUESTS_BEFORE_RESTART", "SLIPWAY_RECYCLE_MEMORY_MB", "SLIPWAY_RECYCLE_SECONDS")
# How many numbers a setting of the kind "integers" holds.
_PARTS: Final = 3
_ON: Final = frozenset({"1", "true", "yes", "on", "t", "y"})
_OFF: Final = frozenset({"0", "false", "no", "off", "f", "n"})


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting. ``minimum`` and ``maximum`` bound an integer; ``config`` is (section, key) in LiteLLM's YAML.

    ``percentages`` are choices too, each with a percentage: ``canary`` stands for ``canary:0`` to ``canary:100``.
    """

    name: str
    kind: Kind
    default: Value
    meaning: str
    flag: str | None = None
    config: tuple[str, str] | None = None
    aliases: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    percentages: tuple[str, ...] = ()
    minimum: int = 0
    maximum: int = 2**31 - 1


SETTINGS: Final[tuple[Setting, ...]] = (
    Setting(
        "CONFIG_FILE_PATH",
        "path",
        None,
        "LiteLLM's config file; /etc/slipway/config.yaml is used when it exists and none is named",
        "--config",
        aliases=("LITELLM_CONFIG",),
    ),
    Setting("HOST", "text", "0.0.0.0", "address the gateway listens on", "--host"),
    Setting("PORT", "integer", 4000, "port the gateway listens on", "--port", minimum=1, maximum=65535),
    Setting(
        "NUM_WORKERS",
        "integer",
        1,
        "worker processes",
        "--num_workers",
        aliases=("DEFAULT_NUM_WORKERS_LITELLM_PROXY",),
        minimum=1,
        maximum=512,
    ),
    Setting(
        "SLIPWAY_SERVER",
        "text",
        "auto",
        "server to run; auto is uvicorn for one worker and gunicorn for several (or to recycle the only one)",
        choices=("auto", *SERVERS),
    ),
    Setting(
        "SLIPWAY_SUPERVISOR",
        "switch",
        True,
        "off runs the server in place of the supervisor: no management port, drain, reload or engine reaper",
    ),
    Setting("SLIPWAY_MANAGEMENT_HOST", "text", "0.0.0.0", "address of the management port"),
    Setting(
        "SLIPWAY_MANAGEMENT_PORT",
        "integer",
        4001,
        "port of /livez, /readyz, /startupz, /drain and /metrics",
        minimum=1,
        maximum=65535,
    ),
    Setting("SLIPWAY_RUNTIME_DIR", "path", "/run/slipway", "writable directory for state that dies with the container"),
    Setting("SLIPWAY_ALLOW_ROOT", "switch", False, "on lets the gateway run as uid 0"),
    Setting(
        "SLIPWAY_ALLOW_MODIFIED",
        "switch",
        False,
        "on starts although files of packages, or files that Python runs by itself, are not the image's",
    ),
    Setting(
        "SLIPWAY_SETTLE_SECONDS",
        "integer",
        5,
        "seconds to go on serving, not ready, after SIGTERM, so that load balancers notice",
        maximum=3600,
    ),
    Setting(
        "SLIPWAY_STOP_GRACE_SECONDS",
        "integer",
        None,
        "what the container is given to stop (stop_grace_period, terminationGracePeriodSeconds); a start refuses too "
        "little",
        minimum=1,
        maximum=86400 * 2,
    ),
    Setting("DRAIN_ENDPOINT_TOKEN", "text", None, "what POST /drain from elsewhere shows as X-Drain-Token"),
    Setting(
        "SLIPWAY_WATCH",
        "switch",
        False,
        "on reloads when the config file, one it includes, a file of a secret, or a TLS file has changed",
    ),
    Setting(
        "SLIPWAY_SECRETS_DIR",
        "path",
        "/run/secrets",
        "directory whose files with variables' names hold their values; several with colons between them",
    ),
    Setting(
        "SLIPWAY_PATH_VARIABLES",
        "text",
        None,
        "variables whose names end in _FILE and that mean a path to whoever reads them, with commas between them",
    ),
    Setting(
        "SLIPWAY_CORE_DUMPS",
        "switch",
        False,
        "on lets a crash write the memory of a process, with every secret in it, to where the machine keeps such files",
    ),
    Setting(
        "SLIPWAY_SECCOMP",
        "switch",
        True,
        "off lets the gateway make every system call that the container may; on leaves those that a gateway needs",
    ),
    Setting(
        "SLIPWAY_MIGRATE",
        "text",
        "auto",
        "migrations at start: auto runs what is pending, require waits until a job has, off leaves the schema alone, "
        "only migrates and ends",
        choices=("auto", "require", "off", "only"),
    ),
    Setting(
        "DISABLE_SCHEMA_UPDATE",
        "switch",
        False,
        "LiteLLM's own word for SLIPWAY_MIGRATE=off",
        config=("general_settings", "disable_prisma_schema_update"),
    ),
    Setting(
        "SLIPWAY_MIGRATE_TIMEOUT_SECONDS",
        "integer",
        600,
        "longest wait in seconds for another replica's or a job's migration",
        minimum=1,
        maximum=86400,
    ),
    Setting(
        "SLIPWAY_DATABASE_WAIT_SECONDS",
        "integer",
        60,
        "longest wait in seconds for a database that does not answer",
        maximum=86400,
    ),
    Setting(
        "SLIPWAY_ALLOW_MASTER_KEY_AS_SALT",
        "switch",
        False,
        "on starts without LITELLM_SALT_KEY: what the database holds is lost when the master key changes",
    ),
    Setting(
        "SLIPWAY_REPLICAS",
        "integer",
        1,
        "how many such containers share the database, for the connection budget",
        minimum=1,
        maximum=10000,
    ),
    Setting(
        "PROXY_BATCH_WRITE_AT",
        "integer",
        5,
        "seconds between two writings of the spend of keys, teams and users, to which LiteLLM adds up to 5",
        config=("general_settings", "proxy_batch_write_at"),
        minimum=1,
        maximum=86400,
    ),
    Setting(
        "PRISMA_RECONNECT_COOLDOWN_SECONDS",
        "integer",
        2,
        "seconds between two attempts of a worker to connect to a database that was lost (LiteLLM's own default is 15)",
        minimum=1,
        maximum=86400,
    ),
    Setting(
        "SLIPWAY_SPEND_SPOOL",
        "switch",
        False,
        "on keeps spend that is not in the database yet in /var/lib/slipway/spend, for the next worker after a kill",
    ),
    Setting(
        "REQUEST_TIMEOUT_SECONDS",
        "integer",
        600,
        "longest request in seconds; the server's grace and the drain budget follow from it",
        "--request_timeout",
        config=("litellm_settings", "request_timeout"),
        minimum=1,
        maximum=86400,
    ),
    Setting(
        "KEEPALIVE_TIMEOUT",
        "integer",
        75,
        "seconds an idle connection stays open; longer than a load balancer's 60",
        "--keepalive_timeout",
        maximum=86400,
    ),
    Setting(
        "MAX_REQUESTS_BEFORE_RESTART",
        "integer",
        None,
        "recycle a worker after this many requests, those to /health and /metrics not counted",
        "--max_requests_before_restart",
        minimum=1,
    ),
    Setting(
        "MAX_REQUESTS_BEFORE_RESTART_JITTER",
        "integer",
        None,
        "spread recycling by a random number of requests up to this",
        "--max_requests_before_restart_jitter",
    ),
    Setting(
        "SLIPWAY_RECYCLE_MEMORY_MB",
        "integer",
        None,
        "recycle a worker whose resident size reaches this, shared memory included",
        minimum=1,
    ),
    Setting("SLIPWAY_RECYCLE_SECONDS", "integer", None, "recycle a worker of this age", minimum=60),
    Setting(
        "LIMIT_CONCURRENCY",
        "integer",
        None,
        "connections and requests a worker accepts before it answers 503",
        "--limit_concurrency",
        minimum=1,
    ),
    Setting(
        "TIMEOUT_WORKER_HEALTHCHECK",
        "integer",
        30,
        "seconds without progress of its event loop after which a worker is replaced",
        "--timeout_worker_healthcheck",
        minimum=5,
        maximum=86400,
    ),
    Setting("SSL_KEYFILE_PATH", "path", None, "TLS private key", "--ssl_keyfile_path"),
    Setting("SSL_CERTFILE_PATH", "path", None, "TLS certificate chain", "--ssl_certfile_path"),
    Setting("SLIPWAY_SSL_CIPHERS", "text", None, "TLS 1.2 ciphers in OpenSSL's notation", "--ciphers"),
    Setting(
        "GRANIAN_RUNTIME_THREADS",
        "integer",
        None,
        "granian's runtime threads in each worker",
        "--granian_threads",
        minimum=1,
        maximum=512,
    ),
    Setting("SLIPWAY_PRELOAD", "switch", True, "import LiteLLM once and fork the workers; off: once in each worker"),
    Setting("SLIPWAY_LOG_CONFIG", "path", None, "logging configuration file for uvicorn", "--log_config"),
    Setting("LITELLM_LOG", "text", None, "log level of LiteLLM and the server", choices=LOG_LEVELS),
    Setting("JSON_LOGS", "switch", False, "one JSON object a log line", config=("litellm_settings", "json_logs")),
    Setting("SLIPWAY_ACCESS_LOG", "switch", True, "a log line for each request"),
    Setting("DEBUG", "switch", False, "LiteLLM's loggers at INFO", "--debug"),
    Setting("DETAILED_DEBUG", "switch", False, "LiteLLM's loggers at DEBUG", "--detailed_debug"),
    Setting(
        "PROMETHEUS_METRICS_PORT",
        "integer",
        None,
        "port of LiteLLM's own metrics process",
        "--prometheus_metrics_port",
        minimum=1,
        maximum=65535,
    ),
    Setting(
        "SLIPWAY_METRICS_AUTH",
        "text",
        "token",
        "who may scrape /metrics of the management port from outside the container: token is whoever shows the one in "
        "SLIPWAY_METRICS_TOKEN_FILE, off is everybody",
        choices=("token", "off"),
    ),
    Setting(
        "SLIPWAY_METRICS_TOKEN_FILE",
        "path",
        None,
        "file with the bearer token for /metrics of the management port; it is read at each scrape",
    ),
    Setting(
        "SLIPWAY_SHARED_METRICS",
        "switch",
        True,
        "off leaves each process its own metrics, of which a scrape of LiteLLM's /metrics shows one",
    ),
    Setting(
        "SLIPWAY_ACCELERATION",
        "text",
        "auto",
        "fast-litellm: auto applies its components that are correct and faster, in this release none; on applies all "
        "and refuses to start when one fails its self-test; canary:10 applies those that pass to 10 % of the calls",
        choices=("off", "auto", "on"),
        percentages=("canary",),
    ),
    Setting(
        "SLIPWAY_PATCH_FAST_LITELLM",
        "switch",
        True,
        "off lets `import fast_litellm` replace parts of LiteLLM, which breaks this release",
    ),
    Setting(
        "SLIPWAY_PATCH_SOUNDFILE_NUMPY",
        "switch",
        True,
        "off lets soundfile insist on numpy, which full and slim do not have, and LiteLLM on soundfile",
    ),
    Setting(
        "SLIPWAY_PATCH_PRISMA_ENGINE",
        "switch",
        True,
        "off lets LiteLLM write an attribute that this release of prisma-client-py does not have",
    ),
    Setting(
        "SLIPWAY_PATCH_DATABASE_OUTAGE",
        "switch",
        True,
        "off lets the first requests of an outage fail although allow_requests_on_db_unavailable is set",
    ),
    Setting(
        "SLIPWAY_PATCH_SPEND_REQUEUE",
        "switch",
        True,
        "off lets LiteLLM drop the spend that an outage kept it from writing",
    ),
    Setting("SLIPWAY_PATCH_MODEL_INFO_COPY", "switch", True, "off copies a model's prices object by object"),
    Setting("SLIPWAY_PATCH_UNUSED_GAUGES", "switch", True, "off works out labels of rate limits that are not set"),
    Setting(
        "SLIPWAY_PATCH_METRIC_SLOTS",
        "switch",
        True,
        "off names metric files by pid: they and their gauges stay",
    ),
    Setting("SLIPWAY_PATCH_METRIC_SUMS", "switch", True, "off adds metrics up in the order of the file system"),
    Setting("SLIPWAY_PATCH_METRIC_FILES", "switch", True, "off maps metric files without reserving room for them"),
    Setting("SLIPWAY_PATCH_DEPLOYMENTS", "switch", True, "off validates a deployment anew each time it is looked up"),
    Setting("SLIPWAY_PATCH_SETTINGS", "switch", True, "off raises an exception for each setting that is not set"),
    Setting("SLIPWAY_PATCH_LABELS", "switch", True, "off inspects the class of the metrics' labels for each of them"),
    Setting("SLIPWAY_PATCH_TARGETS", "switch", True, "off names what datastore calls are for by a generator"),
    Setting(
        "SLIPWAY_PATCH_CONFIG_IN_FORCE",
        "switch",
        True,
        "off lets a worker start, and go on, with the config file that is on disk, checked or not",
    ),
    Setting(
        "SLIPWAY_PATCH_SPEND_LEDGER",
        "switch",
        True,
        "off neither counts the spend rows that a kill would lose nor waits for the last ones when a worker ends",
    ),
    Setting(
        "SLIPWAY_PATCH_SPEND_FLUSH",
        "switch",
        True,
        "off lets spend rows wait up to 30 s in memory where there is little traffic",
    ),
    Setting("SLIPWAY_PATCH_KNOWN_PLACES", "switch", True, "off searches the packages for each module at start"),
    Setting("SLIPWAY_PATCH_COMPILED_TEXTS", "switch", True, "off compiles annotations and dataclasses at start"),
    Setting("SLIPWAY_PATCH_COMPILED_PATTERNS", "switch", True, "off compiles regular expressions at start"),
    Setting("SLIPWAY_PATCH_LEFT_OUT", "switch", True, "off imports modules that serve no gateway"),
    Setting("SLIPWAY_PATCH_DEFERRED_PRISMA", "switch", True, "off loads all of the database client at start"),
    Setting("SLIPWAY_PATCH_DEFERRED_SCHEMAS", "switch", True, "off builds every pydantic schema at start"),
    Setting("SLIPWAY_PATCH_DEFERRED_ROUTES", "switch", True, "off analyses every route at start"),
    Setting("PYTHON_GC_THRESHOLD", "integers", "10000,10,10", "when Python looks for cycles: objects, rounds, rounds"),
    Setting("LITELLM_MODE", "text", "PRODUCTION", "PRODUCTION keeps LiteLLM from reading a .env file"),
    Setting("LITELLM_LOCAL_MODEL_COST_MAP", "switch", True, "model prices from the image, not the network"),
    Setting("LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS", "switch", True, "Anthropic beta headers from the image"),
    Setting("LITELLM_LOCAL_AUTOROUTER_PRESETS", "switch", True, "auto-router presets from the image"),
    Setting("LITELLM_LOCAL_BLOG_POSTS", "switch", True, "the UI's blog posts from the image"),
    Setting("LITELLM_LOCAL_POLICY_TEMPLATES", "switch", True, "policy templates from the image"),
)
_BY_NAME: Final = {setting.name: setting for setting in SETTINGS}


@dataclass(frozen=True, slots=True)
class Resolved:
    """A setting's effective value and where it came from, such as ``flag --port`` or ``default``."""

    value: Value
    source: str

    @property
    def asked(self) -> bool:
        """Whether somebody set it, as opposed to a default."""
        return self.source != "default"


class Settings(Mapping[str, Resolved]):
    """All settings, resolved."""

    def __init__(self, values: Mapping[str, Resolved]) -> None:
        self._values = dict(values)

    def __getitem__(self, name: str) -> Resolved:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def replaced(self, name: str, value: Value, source: str) -> Settings:
        """Return a copy in which ``name`` has ``value``."""
        return Settings({**self._values, name: Resolved(value, source)})

    def text(self, name: str) -> str | None:
        """Return a text or path setting."""
        value = self._values[name].value
        return value if isinstance(value, str) else None

    def number(self, name: str) -> int | None:
        """Return an integer setting."""
        value = self._values[name].value
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def on(self, name: str) -> bool:
        """Return a switch."""
        return self._values[name].value is True


def parse_switch(text: str) -> bool | None:
    """Read a switch as LiteLLM's command does; None when it is neither on nor off."""
    lowered = text.strip().lower()
    return True if lowered in _ON else False if lowered in _OFF else None


def resolve(
    flags: Mapping[str, str | bool],
    environment: Mapping[str, str],
    config: Mapping[str, object],
    origin: Callable[[str], str] = "variable {}".format,
) -> Settings:
    """Resolve every setting.

    ``flags`` maps a flag to its text (or True), ``config`` is the parsed config file, ``origin`` says where a variable
    has its value from.
    Raises Refusal with one finding for each invalid value; the value itself is not in it.
    """
    values: dict[str, Resolved] = {}
    errors: list[Finding] = []
    for setting in SETTINGS:
        raw, source = _find(setting, flags, environment, config, origin)
        if source == "default":
            values[setting.name] = Resolved(setting.default, source)
            continue
        value, complaint = _convert(setting, raw)
        if complaint:
            errors.append(
                Finding(
                    "setting-invalid",
                    "error",
                    f"{source} is not valid: {setting.name} must be {complaint}.",
                    f"Correct {source}, or remove it to use the default ({_shown(setting.default)}).",
                    ExitCode.CONFIG,
                )
            )
        values[setting.name] = Resolved(value, source)
    if errors:
        raise Refusal(*errors)
    return Settings(values)


def choose_server(settings: Settings) -> str:
    """Return the server to run: the one asked for, or gunicorn where workers are several or recycled, else uvicorn.

    gunicorn forks a replacement from a process that has imported LiteLLM; a lone uvicorn would import it once more.
    """
    asked = settings.text("SLIPWAY_SERVER")
    if asked and asked != "auto":
        return asked
    recycled = any(settings[name].asked for name in RECYCLING)
    return "gunicorn" if (settings.number("NUM_WORKERS") or 1) > 1 or recycled else "uvicorn"


def setting(name: str) -> Setting:
    """Return the definition of the setting called ``name``."""
    return _BY_NAME[name]


def _find(
    setting: Setting,
    flags: Mapping[str, str | bool],
    environment: Mapping[str, str],
    config: Mapping[str, object],
    origin: Callable[[str], str],
) -> tuple[object, str]:
    if setting.flag is not None and setting.flag in flags:
        return flags[setting.flag], f"flag {setting.flag}"
    for name in (setting.name, *setting.aliases):
        if environment.get(name, "").strip():
            return environment[name], origin(name)
    if setting.config is not None:
        section, key = setting.config
        content = config.get(section)
        value = content.get(key) if isinstance(content, Mapping) else None
        # A reference is resolved by LiteLLM itself, in the worker, where secret managers and hooks have run.
        if value is not None and not (isinstance(value, str) and value.startswith("os.environ/")):
            return value, f"config {section}.{key}"
    return None, "default"


def _convert(setting: Setting, raw: object) -> tuple[Value, str | None]:
    if isinstance(raw, Mapping | list):
        return None, "a single value"
    if isinstance(raw, str) and not raw.strip():
        return None, "something, not blank"
    match setting.kind:
        case "switch":
            value = raw if isinstance(raw, bool) else parse_switch(str(raw))
            return value, None if value is not None else "on or off (true, false, 1, 0)"
        case "integer":
            return _integer(setting, raw)
        case "integers":
            parts = [part.strip() for part in str(raw).split(",")]
            good = len(parts) == _PARTS and all(_integer(setting, part)[1] is None for part in parts)
            return (",".join(parts), None) if good else (None, "three whole numbers such as 10000,10,10")
        case _:
            text = str(raw).strip()
            return _chosen(setting, text.lower()) if setting.choices else (text, None)


def _chosen(setting: Setting, text: str) -> tuple[Value, str | None]:
    if text in setting.choices:
        return text, None
    word, _, share = text.partition(":")
    if word in setting.percentages and share.isascii() and share.isdecimal() and int(share) <= 100:
        return f"{word}:{int(share)}", None
    shared = [f"{word}:N with a percentage N from 0 to 100" for word in setting.percentages]
    return None, f"one of {', '.join((*setting.choices, *shared))}"


def _integer(setting: Setting, raw: object) -> tuple[Value, str | None]:
    bounds = f"a whole number from {setting.minimum} to {setting.maximum}"
    try:
        # YAML may hold a time of 7.5 seconds: round it up, so that no derived budget is too short.
        value = math.ceil(raw) if isinstance(raw, float) else int(str(raw).strip())
    except (ValueError, OverflowError):
        return None, bounds
    return (value, None) if setting.minimum <= value <= setting.maximum else (None, bounds)


def _shown(value: Value) -> str:
    return "unset" if value is None else "on" if value is True else "off" if value is False else str(value)
