"""Callbacks, guardrails and alerts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from slipway.egress import clouds, models, stores
from slipway.egress.reach import Reach
from slipway.egress.table import Entry
from slipway.known import presentable

_LISTS: Final = ("callbacks", "success_callback", "failure_callback", "audit_log_callbacks", "service_callback")
# They write to memory, to the database, to Redis or to the log, or change requests on their way.
_HERE: Final = frozenset(
    {"prometheus", "prometheus_system", "cache", "lowest_latency", "debug", "json_logs", "sqs_mock", "timestamp"}
    | {"dynamic_rate_limiter", "dynamic_rate_limiter_v3", "parallel_request_limiter", "max_parallel_requests"}
    | {
        "parallel_request_limiter_v3",
        "cache_control_check",
        "max_budget_limiter",
        "managed_files",
        "batch_rate_limiter",
    }
    | {"max_iterations_limiter", "max_budget_per_session_limiter", "responses_id_security", "skills_injection"}
    | {
        "detect_prompt_injection",
        "litellm_content_filter",
        "hide_secrets",
        "hide-secrets",
        "anthropic_cache_control_hook",
    }
    | {"tool_permission", "mcp_security", "block_code_execution", "mcp_end_user_permission", "mcp_jwt_signer"}
    | {"websearch_interception", "vector_store_pre_call_hook", "custom_code", "redis", "postgres"}
)
# Whose file has another name than the callback or guardrail.
_FILES: Final = {
    "braintrust": "braintrust_logging",
    "weave_otel": "weave",
    "lakera": "lakera_ai",
    "lakera_v2": "lakera_ai_v2",
    "noma_v2": "noma",
    "qostodian_nexus": "qohash",
}
# Models that judge are those of model_list.
_MODELS: Final = frozenset({"llm_as_a_judge", "decision_model", "semantic_guard"})
_FIX: Final = "Add its host by hand."


def add(reach: Reach) -> None:
    """Note where callbacks, guardrails and alerts send to."""
    for place, name in _callbacks(reach):
        with reach.of(place):
            _callback(reach, place, name)
    for place, parameters in _guardrails(reach):
        with reach.of(place):
            _guardrail(reach, place, parameters)
    with reach.of("general_settings.alerting"):
        _alerts(reach)


def _callbacks(reach: Reach) -> Iterator[tuple[str, str]]:
    settings = reach.section("litellm_settings")
    for key in _LISTS:
        written = settings.get(key)
        for name in written if isinstance(written, list) else [written]:
            if isinstance(name, str) and name:
                yield f"litellm_settings.{key}", name


def _callback(reach: Reach, place: str, name: str) -> None:
    why = f"{place}: {name}"
    if name in _HERE:
        return
    if name in _SENDING:
        _SENDING[name](reach, why)
        return
    if "." in name:
        reach.unknown(f"{place}: a callback of your own", "it asks whatever its code asks", _FIX)
        return
    entry = reach.table.callbacks.get(_FILES.get(name, name))
    if entry is None or not reach.entry("callback", why, entry):
        known = name in _FILES or entry is not None
        variables = f"Set {entry.variables[0]}, or add its host by hand." if entry and entry.variables else _FIX
        reach.unknown(why if known else f"{place}: a callback", "no address is known for it", variables)


def _datadog(reach: Reach, why: str) -> None:
    """Follow integrations/datadog."""
    agent, base = reach.variable("LITELLM_DD_AGENT_HOST"), reach.variable("DD_BASE_URL")
    if agent:
        port = reach.variable("LITELLM_DD_AGENT_PORT") or "10518"
        reach.address("callback", f"{why}, LITELLM_DD_AGENT_HOST", f"{agent}:{port}")
    elif base:
        reach.address("callback", f"{why}, DD_BASE_URL", base)
    else:
        site = reach.variable("DD_SITE") or "datadoghq.com"
        reach.add("callback", f"{why}, DD_SITE", *(f"{part}.{site}" for part in _parts(why)))


def _parts(why: str) -> tuple[str, ...]:
    return ("http-intake.logs",) if why.endswith(": datadog") else ("api",)


def _otel(reach: Reach, why: str) -> None:
    """Follow integrations/opentelemetry.py."""
    named = reach.first_variable(
        *("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"),
    )
    exporter = reach.variable(reach.first_variable("OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER")) or "console"
    if named:
        reach.address("callback", f"{why}, {named}", reach.variable(named), 4317)
    elif exporter != "console":
        reach.unknown(why, "no endpoint is set for the exporter", "Set OTEL_EXPORTER_OTLP_ENDPOINT.")


def _s3(reach: Reach, why: str) -> None:
    """Follow integrations/s3_v2.py."""
    written = reach.section("litellm_settings").get("s3_callback_params")
    content = written if isinstance(written, Mapping) else {}
    own = reach.first(content, "s3_endpoint_url")
    region = reach.first(content, "s3_region_name") or clouds.aws_region(reach, {})
    if own:
        reach.address("callback", f"{why}, s3_endpoint_url", own)
    else:
        clouds.aws_host(reach, "s3.{}", region, "callback", why)
        stores.bucket(reach, content, "s3_bucket_name", region, "callback", why)
    keys = {"aws_access_key_id": content.get("s3_aws_access_key_id"), "aws_role_name": content.get("s3_aws_role_name")}
    clouds.aws_login(reach, keys, region, why, "callback")


def _sqs(reach: Reach, why: str) -> None:
    """Follow integrations/sqs.py."""
    written = reach.section("litellm_settings").get("aws_sqs_callback_params")
    content = written if isinstance(written, Mapping) else {}
    region = reach.first(content, "sqs_region_name") or clouds.aws_region(reach, {})
    url = reach.first(content, "sqs_queue_url")
    if url:
        reach.address("callback", why, url)
    else:
        clouds.aws_host(reach, "sqs.{}", region, "callback", why)


def _storage(reach: Reach, why: str) -> None:
    """Follow integrations/azure_storage/azure_storage.py."""
    account = reach.variable("AZURE_STORAGE_ACCOUNT_NAME")
    suffix = reach.variable("AZURE_STORAGE_ENDPOINT_SUFFIX") or "core.windows.net"
    if account:
        reach.add("callback", why, f"{account}.dfs.{suffix}", f"{account}.blob.{suffix}")
    else:
        reach.unknown(why, "no account is set", "Set AZURE_STORAGE_ACCOUNT_NAME.")
    clouds.azure_login(reach, {}, why, "callback")


def _gcs(reach: Reach, why: str) -> None:
    reach.add("callback", why, "storage.googleapis.com", clouds.GOOGLE)


def _pubsub(reach: Reach, why: str) -> None:
    reach.add("callback", why, "pubsub.googleapis.com", clouds.GOOGLE)


def _arize(reach: Reach, why: str) -> None:
    """Follow integrations/arize: a hosted service where no endpoint is set."""
    names = ("ARIZE_ENDPOINT", "ARIZE_HTTP_ENDPOINT") if why.endswith(": arize") else _PHOENIX
    reach.entry("callback", why, Entry(("otlp.arize.com",), names))


def _slack(reach: Reach, why: str) -> None:
    named = reach.first_variable("SLACK_WEBHOOK_URL", "ALERTING_WEBHOOK_URL")
    if named:
        reach.address("alerting", f"{why}, {named}", reach.variable(named))


def _langfuse(reach: Reach, why: str) -> None:
    """Follow integrations/langfuse; what langfuse_default_tags and the like send goes to the same host."""
    names = ("LANGFUSE_OTEL_HOST",) if why.endswith("langfuse_otel") else ()
    default = "us.cloud.langfuse.com" if names else "cloud.langfuse.com"
    reach.entry("callback", why, Entry((default,), (*names, "LANGFUSE_HOST", "LANGFUSE_BASE_URL")))


_PHOENIX: Final = ("PHOENIX_COLLECTOR_HTTP_ENDPOINT", "PHOENIX_COLLECTOR_ENDPOINT")
_SENDING: Final[Mapping[str, Callable[[Reach, str], None]]] = {
    **dict.fromkeys(("datadog", "datadog_llm_observability", "datadog_metrics", "datadog_cost_management"), _datadog),
    **dict.fromkeys(("otel", "open_telemetry"), _otel),
    **dict.fromkeys(("s3", "s3_v2"), _s3),
    **dict.fromkeys(("langfuse", "langfuse_otel"), _langfuse),
    **dict.fromkeys(("gcs_bucket", "gcs"), _gcs),
    **dict.fromkeys(("arize", "arize_phoenix"), _arize),
    "gcs_pubsub": _pubsub,
    "aws_sqs": _sqs,
    "azure_storage": _storage,
    "slack": _slack,
}


def _guardrails(reach: Reach) -> Iterator[tuple[str, Mapping[str, object]]]:
    written = reach.config.get("guardrails")
    for index, guardrail in enumerate(written if isinstance(written, list) else []):
        parameters = guardrail.get("litellm_params") if isinstance(guardrail, Mapping) else None
        if isinstance(parameters, Mapping):
            yield f"guardrails[{index}]", parameters


def _guardrail(reach: Reach, place: str, parameters: Mapping[str, object]) -> None:
    name = reach.first(parameters, "guardrail")
    base = reach.first(parameters, "api_base", "base_url")
    entry = reach.table.guardrails.get(_FILES.get(name, name))
    why = f"{place}: {name}" if entry or name in _GUARDS else place
    presidio = [reach.first(parameters, f"presidio_{part}_api_base") for part in ("analyzer", "anonymizer")]
    if name in _HERE or name in _MODELS:
        return
    if base:
        reach.address("guardrail", why, base)
    elif any(presidio):
        for address in filter(None, presidio):
            reach.address("guardrail", why, address)
    elif name in _GUARDS:
        _GUARDS[name](reach, parameters, why)
    elif "." in name:
        reach.unknown(f"{place}: a guardrail of your own", "it asks whatever its code asks", _FIX)
    elif name == "presidio":
        for variable in ("PRESIDIO_ANALYZER_API_BASE", "PRESIDIO_ANONYMIZER_API_BASE"):
            if reach.variable(variable):
                reach.address("guardrail", f"{why}, {variable}", reach.variable(variable))
            else:
                reach.unknown(why, f"{variable} is not set here", f"Set {variable}.")
    elif entry is None or not reach.entry("guardrail", why, entry):
        variables = f", or {entry.variables[0]}" if entry and entry.variables else ""
        reach.unknown(why, "no address is known for this guardrail", f"Set its api_base{variables}; or {_FIX.lower()}")


def _bedrock(reach: Reach, parameters: Mapping[str, object], why: str) -> None:
    region = clouds.aws_region(reach, parameters)
    clouds.aws_host(reach, "bedrock-runtime.{}", region, "guardrail", why)
    clouds.aws_login(reach, parameters, region, why, "guardrail")


def _armor(reach: Reach, parameters: Mapping[str, object], why: str) -> None:
    location = reach.first(parameters, "location") or "us-central1"
    reach.add("guardrail", why, f"modelarmor.{location}.rep.googleapis.com", clouds.GOOGLE)


def _moderation(reach: Reach, parameters: Mapping[str, object], why: str) -> None:
    models.add_parameters(reach, {**parameters, "model": "openai/omni-moderation-latest"}, why)


_GUARDS: Final[Mapping[str, Callable[[Reach, Mapping[str, object], str], None]]] = {
    "bedrock": _bedrock,
    "model_armor": _armor,
    "openai_moderation": _moderation,
}


def _alerts(reach: Reach) -> None:
    """Follow integrations/SlackAlerting, integrations/email_alerting.py and integrations/pagerduty."""
    general = reach.section("general_settings")
    written = general.get("alerting")
    asked = {str(name) for name in written} if isinstance(written, list) else set()
    if "slack" in asked:
        _slack(reach, "general_settings.alerting: slack")
        addressed = general.get("alert_to_webhook_url")
        for kind, urls in (addressed if isinstance(addressed, Mapping) else {}).items():
            for url in urls if isinstance(urls, list) else [urls]:
                with reach.of("general_settings.alert_to_webhook_url"):
                    name = str(kind) if presentable(str(kind)) else "?"
                    reach.address("alerting", f"general_settings.alert_to_webhook_url.{name}", reach.text(url))
        if not addressed and not reach.first_variable("SLACK_WEBHOOK_URL", "ALERTING_WEBHOOK_URL"):
            reach.unknown("general_settings.alerting: slack", "SLACK_WEBHOOK_URL is not set here", "Set it.")
    if "webhook" in asked and reach.variable("WEBHOOK_URL"):
        reach.address("alerting", "general_settings.alerting: webhook, WEBHOOK_URL", reach.variable("WEBHOOK_URL"))
    elif "webhook" in asked:
        reach.unknown("general_settings.alerting: webhook", "WEBHOOK_URL is not set here", "Set it.")
    if "pagerduty" in asked:
        reach.add("alerting", "general_settings.alerting: pagerduty", "events.pagerduty.com")
    if reach.variable("SMTP_HOST"):
        port = reach.variable("SMTP_PORT") or "587"
        reach.address("mail", "variable SMTP_HOST", f"{reach.variable('SMTP_HOST')}:{port}")
