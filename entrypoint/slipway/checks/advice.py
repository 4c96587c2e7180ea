"""What runs, and should not run like that in production: one rule, one finding (RULES).

Most rules are LiteLLM's own "Best Practices for Production"; the rest is what a gateway of several workers or replicas
needs. A rule speaks where it certainly applies: a small config that is sound has no finding.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from slipway.checks import resources
from slipway.checks.database import is_configured
from slipway.checks.keys import supplier
from slipway.config_file import REFERENCE, section
from slipway.report import Finding, Severity
from slipway.settings import Settings, parse_switch

# Seconds that LiteLLM gives one attempt where nobody says anything else (litellm/constants.py).
_LITELLMS_TIMEOUT: Final = 6000
# From here on, statements of many writers to the same rows cost more than a longer wait.
_MANY_WRITERS: Final = 10
_SELDOM: Final = 30
_USAGE: Final = ("usage-based-routing", "usage-based-routing-v2")
# Strategies that go by what each process has counted.
_COUNTING: Final = (*_USAGE, "least-busy", "latency-based-routing")
_REDIS_VARIABLES: Final = ("REDIS_HOST", "REDIS_URL", "REDIS_CLUSTER_NODES", "REDIS_SENTINEL_NODES")


@dataclass(frozen=True, slots=True)
class Setup:
    """What rules ask for. ``config`` is the whole one, with what it includes."""

    settings: Settings
    config: Mapping[str, object]
    environment: Mapping[str, str]

    def value(self, place: str) -> object:
        """Return the value at a place such as ``router_settings.timeout``, what a reference refers to in its place."""
        node: object = self.config
        for key in place.split("."):
            node = node.get(key) if isinstance(node, Mapping) else None
        return self.resolved(node)

    def resolved(self, value: object) -> object:
        """Return what a reference refers to, None where that is not set, and any other value as it is."""
        if isinstance(value, str) and value.startswith(REFERENCE):
            return self.environment.get(value.removeprefix(REFERENCE))
        return value

    def on(self, place: str) -> bool:
        """Whether a switch is on, written as a truth value or as a word."""
        value = self.value(place)
        return value is True or (isinstance(value, str) and parse_switch(value) is True)

    def variable(self, name: str) -> bool:
        """Whether a variable is set, in the container or by the config."""
        return bool(self.environment.get(name) or section(self.config, "environment_variables").get(name))

    def parameters(self) -> Iterator[tuple[str, Mapping[str, object]]]:
        """Yield the place and the litellm_params of each model."""
        models = self.config.get("model_list")
        for index, model in enumerate(models if isinstance(models, list) else []):
            found = model.get("litellm_params") if isinstance(model, Mapping) else None
            if isinstance(found, Mapping):
                yield f"model_list[{index}].litellm_params", found

    @property
    def workers(self) -> int:
        """Worker processes of this container."""
        return self.settings.number("NUM_WORKERS") or 1

    @property
    def processes(self) -> int:
        """Worker processes of all replicas, as far as it is known how many there are."""
        return self.workers * (self.settings.number("SLIPWAY_REPLICAS") or 1)

    @property
    def database(self) -> bool:
        """Whether a database is configured."""
        return is_configured(self.config, self.environment)

    @property
    def redis(self) -> bool:
        """Whether anything names a Redis that the processes can share."""
        named = ("router_settings.redis_host", "router_settings.redis_url", "general_settings.coordination_redis")
        # Without a type, the cache is Redis.
        is_redis = self.value("litellm_settings.cache_params.type") in (None, "redis", "redis-semantic")
        if is_redis and self.on("litellm_settings.cache"):
            return True
        return any(map(self.value, named)) or any(map(self.variable, _REDIS_VARIABLES))


@dataclass(frozen=True, slots=True)
class Rule:
    """One piece of advice; ``applies`` says what is the case, None where nothing is to be said."""

    id: str
    severity: Severity
    applies: Callable[[Setup], str | None]
    fix: str
    why: str = ""


def _redis_url(setup: Setup) -> str | None:
    places = (
        "router_settings.redis_url",
        "litellm_settings.cache_params.url",
        "litellm_settings.cache_params.redis_url",
    )
    return next((f"{place} names Redis by a URL." for place in places if setup.value(place)), None)


def _usage_routing(setup: Setup) -> str | None:
    strategy = setup.value("router_settings.routing_strategy")
    return f"router_settings.routing_strategy is {strategy}." if strategy in _USAGE else None


def _debug_logging(setup: Setup) -> str | None:
    for name in ("LITELLM_LOG", "DETAILED_DEBUG"):
        if setup.settings[name].value in ("debug", True):
            return f"Debug logging is on ({setup.settings[name].source})."
    for place in ("litellm_settings.set_verbose", "router_settings.set_verbose"):
        if setup.on(place):
            return f"{place} turns debug logging on."
    return None


def _dotenv(setup: Setup) -> str | None:
    mode = setup.settings["LITELLM_MODE"]
    return f"{mode.source} lets LiteLLM read variables from a .env file." if mode.value == "DEV" else None


def _batch_writes(setup: Setup) -> str | None:
    seconds = setup.settings.number("PROXY_BATCH_WRITE_AT") or 0
    if not setup.database or setup.processes < _MANY_WRITERS or seconds >= _SELDOM:
        return None
    return f"{setup.processes} workers write sums of spend to the same rows every {seconds} s (PROXY_BATCH_WRITE_AT)."


def _timeout_unset(setup: Setup) -> str | None:
    if setup.settings["REQUEST_TIMEOUT_SECONDS"].asked or setup.variable("REQUEST_TIMEOUT"):
        return None
    if setup.value("litellm_settings.request_timeout") or setup.value("router_settings.timeout"):
        return None
    # Where there is none, it is somebody's own gateway.
    if not setup.database:
        return None
    seconds = setup.settings.number("REQUEST_TIMEOUT_SECONDS")
    return f"No time-out is set: an attempt may take LiteLLM's {_LITELLMS_TIMEOUT} s, and a stop waits for {seconds} s."


def _timeout_longer(setup: Setup) -> str | None:
    limit = setup.settings.number("REQUEST_TIMEOUT_SECONDS") or 0
    names = ("litellm_settings.request_timeout", "router_settings.timeout", "router_settings.stream_timeout")
    written = [(place, setup.value(place)) for place in names]
    for place, parameters in setup.parameters():
        written += [(f"{place}.{key}", setup.resolved(parameters.get(key))) for key in ("timeout", "stream_timeout")]
    longer = [place for place, value in written if (_number(value) or 0) > limit]
    if not longer:
        return None
    return f"{longer[0]} is longer than {limit} s (REQUEST_TIMEOUT_SECONDS), so that a stop cuts such requests."


def _cache_nowhere(setup: Setup) -> str | None:
    place = "litellm_settings.cache_params"
    if not setup.on("litellm_settings.cache") or setup.value(f"{place}.type") not in (None, "redis"):
        return None
    named = any(setup.value(f"{place}.{key}") for key in ("host", "url", "redis_startup_nodes", "sentinel_nodes"))
    if named or any(map(setup.variable, _REDIS_VARIABLES)) or supplier(setup.config, setup.environment):
        return None
    return "litellm_settings.cache is on, and neither its cache_params nor a variable says where Redis is."


def _slack(setup: Setup) -> str | None:
    alerting = setup.value("general_settings.alerting")
    if not isinstance(alerting, list) or "slack" not in alerting or setup.variable("SLACK_WEBHOOK_URL"):
        return None
    if setup.value("general_settings.alert_to_webhook_url"):
        return None
    return "general_settings.alerting has slack, and SLACK_WEBHOOK_URL is not set."


def _salt(setup: Setup) -> str | None:
    if not setup.database or setup.environment.get("LITELLM_SALT_KEY") or supplier(setup.config, setup.environment):
        return None
    if setup.settings.on("SLIPWAY_ALLOW_MASTER_KEY_AS_SALT"):
        return None
    return "A database is configured, and LITELLM_SALT_KEY is not set."


def _no_redis(setup: Setup) -> str | None:
    if setup.processes == 1 or setup.redis:
        return None
    reason = _needs_sharing(setup)
    return f"{reason}, each of {setup.processes} workers for itself, since no Redis is configured." if reason else None


def _needs_sharing(setup: Setup) -> str | None:
    strategy = setup.value("router_settings.routing_strategy")
    if strategy in _COUNTING:
        return f"router_settings.routing_strategy {strategy} counts requests"
    for place, parameters in setup.parameters():
        for key in ("rpm", "tpm", "max_parallel_requests"):
            if _number(setup.resolved(parameters.get(key))):
                return f"{place}.{key} is a limit that is counted"
    if setup.on("litellm_settings.cache") and setup.value("litellm_settings.cache_params.type") == "local":
        return "litellm_settings.cache keeps answers in memory"
    return None


def _database_away(setup: Setup) -> str | None:
    if not setup.on("general_settings.allow_requests_on_db_unavailable"):
        return None
    return "general_settings.allow_requests_on_db_unavailable lets requests in while no key can be looked up."


def _models_nowhere(setup: Setup) -> str | None:
    if not setup.on("general_settings.store_model_in_db") or setup.database:
        return None
    return "general_settings.store_model_in_db is on, and no database is configured."


def _cpus(setup: Setup) -> str | None:
    cpus = resources.cpus()
    if setup.workers <= max(2 * cpus, 1):
        return None
    return f"{setup.workers} workers (NUM_WORKERS) share {cpus:g} processors."


RULES: Final = (
    Rule(
        "cache-without-redis",
        "error",
        _cache_nowhere,
        "Set REDIS_HOST and REDIS_PORT, or cache_params.host and port; cache_params: {type: local} needs no Redis.",
        "LiteLLM does not start with it.",
    ),
    Rule(
        "redis-url",
        "warning",
        _redis_url,
        "Write host, port and password each for itself (redis_host, redis_port and redis_password in router_settings).",
        "LiteLLM's production guide measured 80 requests a second less with a URL.",
    ),
    Rule(
        "routing-by-usage",
        "warning",
        _usage_routing,
        "Leave routing_strategy at simple-shuffle, which weighs deployments by their rpm and tpm.",
        "It asks the cache of each deployment in each request; LiteLLM advises against it in production.",
    ),
    Rule(
        "debug-logging",
        "warning",
        _debug_logging,
        "Turn it off, and set LITELLM_LOG to ERROR or leave it unset.",
        "Debug logs hold requests and answers, and each of them costs time.",
    ),
    Rule(
        "dotenv",
        "warning",
        _dotenv,
        "Remove LITELLM_MODE; the image sets it to PRODUCTION.",
        "What such a file holds takes effect unseen.",
    ),
    Rule(
        "batch-writes",
        "info",
        _batch_writes,
        "Set general_settings.proxy_batch_write_at to 60; with SLIPWAY_SPEND_SPOOL=on a kill loses no more for it.",
        "They wait for each other's locks.",
    ),
    Rule(
        "timeout-unset",
        "info",
        _timeout_unset,
        "Set REQUEST_TIMEOUT_SECONDS, or litellm_settings.request_timeout, to what your longest request may take.",
    ),
    Rule(
        "timeout-longer",
        "warning",
        _timeout_longer,
        "Set REQUEST_TIMEOUT_SECONDS to the longest of them, and the container's time to stop with it.",
    ),
    Rule("slack-webhook", "warning", _slack, "Set SLACK_WEBHOOK_URL.", "No alert reaches anybody without it."),
    Rule(
        "salt-key-unset",
        "warning",
        _salt,
        'Set it once and keep it, for example: -e LITELLM_SALT_KEY="sk-$(openssl rand -hex 32)".',
        "A start is refused without it: credentials would be encrypted with the master key, which has to change.",
    ),
    Rule(
        "shared-state",
        "warning",
        _no_redis,
        "Name a Redis in general_settings.coordination_redis (host, port, password).",
        "Limits then apply several times over, and answers are cached several times.",
    ),
    Rule(
        "open-without-database",
        "info",
        _database_away,
        "Keep it only where nobody from outside your network reaches the gateway.",
    ),
    Rule(
        "models-nowhere",
        "warning",
        _models_nowhere,
        "Set DATABASE_URL, or remove store_model_in_db.",
        "Models cannot be added without a database.",
    ),
    Rule(
        "workers-and-processors",
        "info",
        _cpus,
        "Run as many workers as processors, and more containers for more load.",
        "Workers that wait for a processor answer late, health checks too.",
    ),
)


def check(settings: Settings, config: Mapping[str, object], environment: Mapping[str, str]) -> list[Finding]:
    """Return a finding for each rule that applies. ``config`` is the one with what it includes."""
    setup = Setup(settings, config, environment)
    return [
        Finding(rule.id, rule.severity, what, rule.fix, why=rule.why)
        for rule in RULES
        if (what := rule.applies(setup)) is not None
    ]


def _number(value: object) -> float | None:
    """Return a number, or a text that holds one; None for anything else, and for what is no finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None
