"""What the gateway talks to beside models: its database, Redis, callbacks, secret managers, logins, lists."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import urlsplit

from slipway.checks import redis_version
from slipway.checks.advice import Setup
from slipway.config_file import section
from slipway.database import address
from slipway.egress.places import HTTPS, Host, Undetermined, of_url
from slipway.report import Refusal
from slipway.settings import Settings

_POSTGRES: Final = 5432
_REDIS: Final = 6379
_CALLBACKS: Final = ("callbacks", "success_callback", "failure_callback", "audit_log_callbacks", "service_callback")
# The variable that names another host, and the usual one: litellm/integrations, each in the file of its name.
_HOSTS_OF_CALLBACKS: Final = {
    "arize": ("ARIZE_ENDPOINT", "otlp.arize.com"),
    "arize_phoenix": ("PHOENIX_COLLECTOR_HTTP_ENDPOINT", "app.phoenix.arize.com"),
    "braintrust": ("BRAINTRUST_API_BASE", "api.braintrustdata.com"),
    "galileo": ("GALILEO_BASE_URL", "api.galileo.ai"),
    "helicone": ("HELICONE_API_BASE", "api.hconeai.com"),
    "humanloop": ("", "api.humanloop.com"),
    "langfuse": ("LANGFUSE_HOST", "cloud.langfuse.com"),
    "langfuse_otel": ("LANGFUSE_HOST", "us.cloud.langfuse.com"),
    "langsmith": ("LANGSMITH_BASE_URL", "api.smith.langchain.com"),
    "opik": ("OPIK_URL_OVERRIDE", "www.comet.com"),
    "posthog": ("POSTHOG_API_URL", "us.i.posthog.com"),
    "ramp": ("", "api.ramp.com"),
    "slack": ("SLACK_WEBHOOK_URL", "hooks.slack.com"),
    "weave_otel": ("WANDB_HOST", "trace.wandb.ai"),
}
_DATADOG: Final = ("datadog", "datadog_llm_observability", "datadog_metrics")
# They write to where nobody is asked for: counters, files, the request's own log; or their variable is a URL.
_WITHOUT_HOST: Final = frozenset(
    {"prometheus", "prometheus_system", "prometheus_usage", "cache", "debug", "detailed_debug", "otel", "webhook"}
    | {"email", "smtp_email", "max_parallel_request_limiter", "batch_redis_requests", "responses_id_security"}
)
_MANAGERS: Final = {
    "aws_secret_manager": "secretsmanager.{region}.amazonaws.com",
    "aws_kms": "kms.{region}.amazonaws.com",
    "google_secret_manager": "secretmanager.googleapis.com",
    "google_kms": "cloudkms.googleapis.com",
    "azure_key_vault": "login.microsoftonline.com",
}
_LOGINS: Final = {
    "GOOGLE_CLIENT_ID": ("oauth2.googleapis.com", "openidconnect.googleapis.com", "www.googleapis.com"),
    "MICROSOFT_CLIENT_ID": ("login.microsoftonline.com", "graph.microsoft.com"),
}
# litellm/__init__.py: where each list comes from that a switch takes from the image.
_LISTS: Final = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "raw.githubusercontent.com",
    "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS": "raw.githubusercontent.com",
    "LITELLM_LOCAL_AUTOROUTER_PRESETS": "raw.githubusercontent.com",
    "LITELLM_LOCAL_BLOG_POSTS": "docs.litellm.ai",
    "LITELLM_LOCAL_POLICY_TEMPLATES": "raw.githubusercontent.com",
}


def find(
    settings: Settings, config: Mapping[str, object], environment: Mapping[str, str]
) -> Iterator[Host | Undetermined]:
    """Yield what each of them talks to."""
    yield from _database(config, environment)
    yield from _redis(settings, config, environment)
    for place, name in _named_callbacks(config):
        yield from _callback(place, name, environment)
    manager = section(config, "general_settings").get("key_management_system")
    if isinstance(manager, str) and manager in _MANAGERS:
        region = next((environment[name] for name in ("AWS_REGION_NAME", "AWS_REGION") if environment.get(name)), "*")
        host = _MANAGERS[manager].format(region=region)
        yield Host(host, HTTPS, "secret manager", f"general_settings.key_management_system ({manager})")
    for variable, hosts in _LOGINS.items():
        if environment.get(variable):
            yield from (Host(host, HTTPS, "login", f"variable {variable}") for host in hosts)
    for name, host in _LISTS.items():
        if not settings.on(name):
            yield Host(host, HTTPS, "list", f"{name} is off")
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy"):
        if found := of_url(environment.get(name, ""), "proxy", f"variable {name}; the other hosts are behind it"):
            yield found
    yield from _unknowable(config, environment)


def _database(config: Mapping[str, object], environment: Mapping[str, str]) -> Iterator[Host | Undetermined]:
    named_by = address.source(config, environment)
    if named_by is None:
        return
    try:
        found = address.find(config, environment, supplied=True, ask=False)
    except Refusal:
        found = None
    urls = [url for url in (found.url, found.direct) if url] if found else []
    hosts = [parts for parts in map(urlsplit, urls) if parts.hostname]
    for parts in hosts:
        yield Host(str(parts.hostname), parts.port or _POSTGRES, "database", named_by)
    if not hosts:
        yield Undetermined("the database", f"its URL comes from the {named_by}, unknown here", "name its host")


def _redis(
    settings: Settings, config: Mapping[str, object], environment: Mapping[str, str]
) -> Iterator[Host | Undetermined]:
    place, parameters = redis_version.find(Setup(settings, config, environment))
    url = urlsplit(str(parameters.get("url", "")))
    host = parameters.get("host") or url.hostname
    port = str(parameters.get("port") or url.port or _REDIS)
    if host and port.isdecimal() and not str(host).startswith("os.environ/"):
        yield Host(str(host), int(port), "redis", place)
    elif place:
        yield Undetermined("Redis", f"{place} names it by what is unknown here", "name its host")


def _named_callbacks(config: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    litellm = section(config, "litellm_settings")
    places = [(f"litellm_settings.{key}", litellm.get(key)) for key in _CALLBACKS]
    places.append(("general_settings.alerting", section(config, "general_settings").get("alerting")))
    for place, names in places:
        listed = names if isinstance(names, list) else [names]
        yield from ((place, name) for name in listed if isinstance(name, str))


def _callback(place: str, name: str, environment: Mapping[str, str]) -> Iterator[Host | Undetermined]:
    why = f"{place} ({name})"
    if name in _WITHOUT_HOST:
        return
    if name in _DATADOG:
        site = environment.get("DD_SITE") or "datadoghq.com"
        intake = "http-intake.logs" if name == "datadog" else "api"
        yield Host(f"{intake}.{site}", HTTPS, "callback", why)
    elif name in _HOSTS_OF_CALLBACKS:
        variable, usual = _HOSTS_OF_CALLBACKS[name]
        named = of_url(environment.get(variable, ""), "callback", f"{why} by {variable}")
        yield named or Host(usual, HTTPS, "callback", why)
    else:
        # One of the user's own may be called anything.
        shown = why if name.isidentifier() else f"{place} (a callback of your own)"
        yield Undetermined(shown, "only its code says whom it asks", "name its hosts")


def _unknowable(config: Mapping[str, object], environment: Mapping[str, str]) -> Iterator[Undetermined]:
    general = section(config, "general_settings")
    if general.get("store_model_in_db") is True or environment.get("STORE_MODEL_IN_DB", "").lower() == "true":
        yield Undetermined(
            "models in the database", "they are added while the gateway runs", "name the hosts of their providers"
        )
    if environment.get("LITELLM_WORKER_STARTUP_HOOKS"):
        yield Undetermined("LITELLM_WORKER_STARTUP_HOOKS", "only their code says whom they ask", "name their hosts")
