"""The config file and the names of variables, judged in the real image by what its LiteLLM knows."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from slipway import known
from slipway.checks import environment
from slipway.checks.deprecated import DEPRECATED, GONE
from slipway.known import Known
from tests.support import gateway
from tests.support.lab import Box, Lab, Spec

ROOT = Path(__file__).resolve().parents[2]
FOLDER = "/app/configs"
SECRET = "sk-Zq81mXy04Lw77Vb2"
MODEL = "model_list: [{model_name: m, litellm_params: {model: openai/x, api_key: x}}]\n"


@dataclass(frozen=True)
class Case:
    """A config or an environment: the finding that it must have, what that names, and the exit code."""

    id: str
    named: str
    config: str = ""
    env: Mapping[str, str] = field(default_factory=dict)
    code: int = 0


# What LiteLLM does not start with: an error, which another test holds against LiteLLM itself.
FATAL = {
    "callbacks-no-list": Case("config-type", "litellm_settings.callbacks", "litellm_settings: {callbacks: otel}\n"),
    "callback-unknown": Case("config-callback", "prometheus", "litellm_settings: {callbacks: [promethues]}\n"),
    "strategy-unknown": Case(
        "config-choice", "simple-shuffle", "router_settings: {routing_strategy: simple_shuffle}\n"
    ),
    "key-manager-unknown": Case(
        "config-choice", "aws_secret_manager", "general_settings: {key_management_system: aws_secrets_manager}\n"
    ),
    "master-key-a-number": Case(
        "config-type", "general_settings.master_key", "general_settings: {master_key: 1234567890123456789}\n"
    ),
    "health-checks-of-the-router": Case(
        "config-key-misplaced", "general_settings", "router_settings: {health_check_interval: 300}\n"
    ),
    "jwt-unknown": Case(
        "config-key-unknown", "user_id_jwt_field", "general_settings: {litellm_jwtauth: {user_id_jwt_feild: sub}}\n"
    ),
    "guardrails-no-list": Case("config-type", "guardrails", "guardrails: {mine: {mode: pre_call}}\n"),
    "servers-no-mapping": Case("config-type", "mcp_servers", "mcp_servers: [{url: http://x}]\n"),
    "fallbacks-no-list": Case("config-type", "router_settings.fallbacks", "router_settings: {fallbacks: {m: [n]}}\n"),
    "cache-nowhere": Case("cache-without-redis", "REDIS_HOST", "litellm_settings: {cache: true}\n"),
    "include-missing": Case("config-include", "gone.yaml", "include: [gone.yaml]\n"),
    "include-no-list": Case("config-include", "include", "include: models.yaml\n"),
    "model-nameless": Case("config-model", "model_name", "model_list: [{litellm_params: {model: openai/x}}]\n"),
    "model-without-model": Case(
        "config-model", "litellm_params.model", "model_list: [{model_name: m, litellm_params: {api_key: x}}]\n"
    ),
}
BROKEN = {
    "section-misspelt": Case("config-key-unknown", "litellm_settings", "litelm_settings: {drop_params: true}\n"),
    "general-misspelt": Case(
        "config-key-unknown", "store_model_in_db", "general_settings: {store_model_in_database: 1}\n"
    ),
    "litellm-misspelt": Case("config-key-unknown", "drop_params", "litellm_settings: {drop_param: true}\n"),
    "router-misspelt": Case("config-key-unknown", "num_retries", "router_settings: {num_retry: 2}\n"),
    "router-unknown": Case("config-key-unknown", "weather", "router_settings: {weather: fine}\n"),
    "model-misspelt": Case(
        "config-key-unknown",
        "api_base",
        "model_list: [{model_name: m, litellm_params: {model: openai/x, api_bse: http://x}}]\n",
    ),
    "cache-misspelt": Case(
        "config-key-unknown", "namespace", "litellm_settings: {cache: true, cache_params: {type: local, namespce: x}}\n"
    ),
    "guardrail-misspelt": Case(
        "config-key-unknown",
        "default_on",
        "guardrails: [{guardrail_name: a, litellm_params: {guardrail: presidio, mode: pre_call, defaultOn: true}}]\n",
    ),
    "server-misspelt": Case("config-key-unknown", "transport", "mcp_servers: {a: {url: http://x, transprt: sse}}\n"),
    "secret-as-a-key": Case("config-key-unknown", "litellm_settings.?", f"litellm_settings: {{{SECRET}: x}}\n"),
    "master-key-at-the-top": Case(
        "config-key-misplaced", "general_settings", "master_key: os.environ/LITELLM_MASTER_KEY\n"
    ),
    "callbacks-in-general": Case("config-key-misplaced", "litellm_settings", "general_settings: {callbacks: [otel]}\n"),
    "strategy-in-litellm": Case("config-key-misplaced", "router_settings", "litellm_settings: {routing_strategy: a}\n"),
    "model-parameter-beside": Case(
        "config-key-misplaced",
        "litellm_params",
        "model_list: [{model_name: m, api_base: http://x, litellm_params: {model: openai/x, api_key: x}}]\n",
    ),
    "google-kms-of-old": Case("config-key-deprecated", "google_kms", "general_settings: {use_google_kms: false}\n"),
    "redis-db-of-old": Case("config-key-deprecated", "cache_kwargs", "router_settings: {redis_db: 1}\n"),
    "login-attempts-of-old": Case(
        "config-key-gone", "max_failed_login_attempts_per_source", "general_settings: {max_failed_login_attempts: 5}\n"
    ),
    "section-twice": Case("config-key-twice", "general_settings", "general_settings: {}\ngeneral_settings: {}\n"),
    "switch-in-quotes": Case(
        "config-type", "true or false", "general_settings: {allow_cli_sso_verification_uri_complete: 'false'}\n"
    ),
    "version-a-date": Case(
        "config-type",
        "quotes",
        "model_list: [{model_name: m, litellm_params: {model: azure/x, api_key: x, api_version: 2024-02-01}}]\n",
    ),
    "limit-no-number": Case(
        "config-type",
        "litellm_params.rpm",
        "model_list: [{model_name: m, litellm_params: {model: openai/x, api_key: x, rpm: many}}]\n",
    ),
    "success-callback-no-list": Case("config-type", "a list", "litellm_settings: {success_callback: langfuse}\n"),
    "success-callback-unknown": Case(
        "config-callback", "langfuse", "litellm_settings: {success_callback: [langfuze]}\n"
    ),
    "cache-type-unknown": Case("config-choice", "redis", "litellm_settings: {cache_params: {type: rediss}}\n"),
    "reference-unset": Case("reference-unset", "GONE", "general_settings: {alerting_args: {a: os.environ/GONE}}\n"),
    "reference-with-a-dot": Case(
        "reference-misspelt", "os.environ/DATABASE", "litellm_settings: {api_base: os.environ.DATABASE}\n"
    ),
    "reference-of-a-shell": Case("reference-misspelt", "os.environ/KEY", "litellm_settings: {api_key: '${KEY}'}\n"),
    "variable-misspelt-in-config": Case(
        "variable-unknown", "REDIS_PASSWORD", "environment_variables: {REDIS_PASWORD: x}\n"
    ),
    "variable-too-late": Case("variable-too-late", "NUM_WORKERS", "environment_variables: {NUM_WORKERS: '4'}\n"),
    "variable-misspelt": Case("variable-unknown", "LITELLM_SALT_KEY", env={"LITELLM_SALTKEY": SECRET}),
    "setting-misspelt": Case("variable-unknown", "SLIPWAY_WATCH", env={"SLIPWAY_WATCHES": "on"}),
    "engine-misspelt": Case("variable-unknown", "PRISMA_QUERY_ENGINE_BINARY", env={"PRISMA_QUERY_ENGINE_BIN": "/x"}),
    "pool-misspelt": Case("variable-unknown", "PROXY_BATCH_WRITE_AT", env={"PROXY_BATCH_WRITES_AT": "60"}),
    "variable-of-old": Case("variable-without-effect", "SLIPWAY_MANAGEMENT_PORT", env={"SEPARATE_HEALTH_PORT": "8001"}),
    "port-of-a-service": Case(
        "service-link", "REDIS_PORT", env={"REDIS_HOST": "redis", "REDIS_PORT": "tcp://10.0.0.1:6379"}
    ),
    "redis-by-url": Case("redis-url", "redis_host", "router_settings: {redis_url: redis://h}\n"),
    "routing-by-usage": Case(
        "routing-by-usage", "simple-shuffle", "router_settings: {routing_strategy: usage-based-routing}\n"
    ),
    "debug": Case("debug-logging", "LITELLM_LOG", env={"LITELLM_LOG": "DEBUG"}),
    "dotenv": Case("dotenv", "LITELLM_MODE", env={"LITELLM_MODE": "DEV"}),
    "slack-unset": Case("slack-webhook", "SLACK_WEBHOOK_URL", "general_settings: {alerting: [slack]}\n"),
    "timeout-longer": Case("timeout-longer", "REQUEST_TIMEOUT_SECONDS", "router_settings: {timeout: 3600}\n"),
    "limits-of-each-worker": Case(
        "shared-state",
        "coordination_redis",
        "model_list: [{model_name: m, litellm_params: {model: openai/x, api_key: x, rpm: 10}}]\n",
        env={"NUM_WORKERS": "2"},
    ),
}
CASES = {**{name: Case(c.id, c.named, c.config, c.env, 65) for name, c in FATAL.items()}, **BROKEN}
UPSTREAM = "/opt/slipway/venv/lib/python3.13/site-packages/litellm/proxy"
SOUND = [
    *(f"{UPSTREAM}/{name}.yaml" for name in ("dev_config", "model_config", "proxy_config", "wildcard_config")),
    *(
        f"{UPSTREAM}/example_config_yaml/{name}.yaml"
        for name in (
            *("adaptive_router_example", "agentcore_websearch_config", "aliases_config", "azure_config"),
            *("bing_grounding_websearch_config", "code_interpreter_interception_config", "disable_schema_update"),
            *("enterprise_config", "multi_instance_simple_config", "oai_misc_config", "opentelemetry_config"),
            *("pass_through_config", "simple_config", "spend_tracking_config", "test_pipeline_config"),
            *("tool_permission_example", "websearch_interception_config"),
        )
    ),
    f"{FOLDER}/quickstart.yaml",
    f"{FOLDER}/production.yaml",
    f"{FOLDER}/everything.yaml",
]


@pytest.fixture(scope="module")
def box(module_lab: Lab, directory: Path) -> Box:
    """A container of the image that only waits, with every config in it."""
    folder = directory / "configs"
    folder.mkdir()
    for name, case in CASES.items():
        text = case.config if "model_list" in case.config else MODEL + case.config
        gateway.write(folder, f"{name}.yaml", text)
    gateway.write(folder, "good.yaml", MODEL)
    for name, place in (("quickstart", "quickstart-config"), ("production", "production/config")):
        gateway.write(folder, f"{name}.yaml", (ROOT / f"docker/compose/{place}.yaml").read_text())
    gateway.write(folder, "everything.yaml", (ROOT / "tests/image/everything.yaml").read_text())
    folder.chmod(0o755)
    spec = Spec(entrypoint=("sleep", "3600"), env=gateway.environment(), files={FOLDER: folder}, network="none")
    return module_lab.start(spec)


def check(box: Box, path: str, env: Mapping[str, str] | None = None) -> tuple[int, list[dict[str, Any]]]:
    """What `check` says, beside what every gateway needs: its code and its findings."""
    assigned = [f"{name}={value}" for name, value in (env or {}).items()]
    command = ["env", *assigned, "slipway", "check", "--offline", "--format", "json", "--config", path]
    done = box.exec(command)
    return done.code, json.loads(done.stdout)["findings"]


@pytest.mark.parametrize("name", CASES)
def test_what_is_broken_is_told(box: Box, name: str) -> None:
    case = CASES[name]
    code, findings = check(box, f"{FOLDER}/{name}.yaml", case.env)
    told = {finding["id"]: finding for finding in findings}
    assert case.id in told, findings
    assert code == case.code, findings
    finding = told[case.id]
    assert finding["severity"] == ("error" if case.code else "warning")
    assert case.named in f"{finding['what']} {finding['fix']}"
    assert SECRET not in json.dumps(findings)
    if case.config and not case.env and "line" not in finding["what"] and case.id.startswith(("config-", "reference-")):
        assert re.match(rf"{FOLDER}/{name}\.yaml:\d+:\d+: ", finding["what"])


def test_litellm_itself_does_not_start_with_what_is_refused(box: Box) -> None:
    """An error ends a start: it must be certain. LiteLLM is asked, in one process for all."""
    script = f"""
import asyncio, json, os
from litellm.proxy._types import LiteLLM_JWTAuth
from litellm.proxy.proxy_server import ProxyConfig
async def load(name):
    try:
        path = f"{FOLDER}/{{name}}.yaml"
        _, _, general = await ProxyConfig().load_config(router=None, config_file_path=path)
        # What its start does next.
        LiteLLM_JWTAuth(**general.get("litellm_jwtauth", {{}}))
    except Exception as problem:
        return type(problem).__name__
print(json.dumps({{name: asyncio.run(load(name)) for name in {["good", *FATAL]}}}))
"""
    answers = json.loads(box.python(script).strip().splitlines()[-1])
    assert answers.pop("good") is None
    assert {name for name, problem in answers.items() if problem is None} == set()


@pytest.mark.parametrize("path", SOUND, ids=lambda path: Path(path).stem)
def test_what_is_sound_has_no_finding(box: Box, path: str) -> None:
    text = box.exec(["cat", path]).output
    env = {
        **dict.fromkeys(re.findall(r"os\.environ/(\w+)", text), "1234567890123456"),
        **dict.fromkeys(("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GROQ_API_KEY", "REDIS_HOST"), "any"),
        **({"SLACK_WEBHOOK_URL": "https://any"} if "slack" in text else {}),
    }
    if "store_model_in_db: true" in text or path.endswith("production.yaml"):
        env |= {"DATABASE_URL": "postgresql://u:p@h/n", "LITELLM_SALT_KEY": "any", "SLIPWAY_REPLICAS": "3"}
    code, findings = check(box, path, env)
    assert (code, [finding for finding in findings if finding["severity"] != "info"]) == (0, [])


@pytest.fixture(scope="module")
def names(box: Box) -> Known:
    """What the image's LiteLLM knows."""
    return known.parse(json.loads(box.exec(["cat", known.FILE]).stdout))


def test_the_extraction_has_what_everybody_uses(names: Known) -> None:
    """An upgrade of LiteLLM that moves what the extraction looks for must not make the checks silent, or loud."""
    assert names.packages == {"litellm", "litellm_proxy_extras", "prisma", "fast_litellm", "prometheus_client"}
    variables = {
        *("LITELLM_MASTER_KEY", "LITELLM_SALT_KEY", "DATABASE_URL", "DIRECT_URL", "DATABASE_HOST", "STORE_MODEL_IN_DB"),
        *("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "AZURE_API_KEY", "AWS_ACCESS_KEY_ID", "SLACK_WEBHOOK_URL"),
        # Of click, of redis.Redis, of pydantic's settings, of constants, and of other packages.
        *("HOST", "DETAILED_DEBUG", "REDIS_SSL_CA_CERTS", "REDIS_DB", "LITELLM_COLLECTOR_ENABLED"),
        *("DATABASE_PORT_READ_REPLICA", "PRISMA_HEALTH_WATCHDOG_ENABLED", "LITELLM_MIGRATION_LOCK_TIMEOUT"),
        *("PRISMA_QUERY_ENGINE_BINARY", "PROMETHEUS_DISABLE_CREATED_SERIES", "LITELLM_RUST_DISABLE_ALL"),
    }
    assert variables - names.variables == set()
    assert len(names.variables) > 1500
    expected = {
        "": {
            "model_list",
            "include",
            "guardrails",
            "mcp_servers",
            "credential_list",
            "prompts",
            "search_tools",
            "policies",
        },
        "general_settings": {"master_key", "alerting", "coordination_redis", "proxy_batch_write_at", "litellm_jwtauth"},
        "litellm_settings": {
            "callbacks",
            "drop_params",
            "cache",
            "cache_params",
            "set_verbose",
            "default_team_settings",
        },
        "litellm_settings.cache_params": {"type", "host", "namespace", "ssl", "qdrant_api_base", "sentinel_nodes"},
        "router_settings": {"routing_strategy", "fallbacks", "redis_host", "retry_policy", "enable_pre_call_checks"},
        "router_settings.retry_policy": {"TimeoutErrorRetries"},
        "model_list[]": {"model_name", "litellm_params", "model_info", "rpm"},
        "model_list[].litellm_params": {"model", "api_key", "temperature", "rpm", "weight", "num_ctx", "extra_body"},
        "model_list[].model_info": {"id", "mode", "base_model", "input_cost_per_token", "access_groups"},
        "guardrails[].litellm_params": {"guardrail", "mode", "default_on", "presidio_analyzer_api_base"},
        "mcp_servers.*": {"url", "transport", "auth_type", "static_headers"},
    }
    missing = {place: keys - names.sections.get(place, {}).keys() for place, keys in expected.items()}
    assert {place: keys for place, keys in missing.items() if keys} == {}
    assert len(names.sections["general_settings"]) > 150
    assert len(names.sections["model_list[].litellm_params"]) > 500
    assert names.sections["general_settings"]["store_model_in_db"] == "b"
    assert names.sections["model_list[].litellm_params"]["api_version"] == "s"
    assert "simple-shuffle" in names.choices["router_settings.routing_strategy"]
    assert {"langfuse", "prometheus", "otel", "sentry", "presidio"} <= names.callbacks
    # LiteLLM does not refuse these of the router; they are not the config's to set.
    assert "ignore_invalid_deployments" not in names.sections["router_settings"]
    assert names.closed < names.sections.keys()


def test_what_is_told_to_be_deprecated_or_gone_is(names: Known) -> None:
    def is_read(place: str) -> bool:
        section, _, key = place.rpartition(".")
        return key in names.sections[section] or key in names.mentioned.get(section, ())

    assert [place for place in DEPRECATED if not is_read(place)] == []
    # Attributes and fields without a reader, and a key that is read for a warning only.
    declared = {
        *("general_settings.database_type", "general_settings.database_args"),
        *("litellm_settings.disable_end_user_cost_tracking_prometheus_only",),
        *("general_settings.skip_batch_input_file_rate_limiting_for_models",),
    }
    assert {place for place in GONE if is_read(place)} == declared
    # Read by LiteLLM's own command only, which is not what starts the gateway here.
    command = {"LITELLM_PGBOUNCER_ENABLED", "USE_V2_MIGRATION_RESOLVER"}
    assert environment.GONE.keys() & names.variables == command


def test_every_known_name_may_be_shown(names: Known) -> None:
    keys = {key for section in names.sections.values() for key in section}
    assert {name for name in (keys | names.variables) if not known.presentable(name)} == set()
