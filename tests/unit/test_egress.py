"""The hosts of a configuration: each with its reason, none with a secret, and what nobody can know is told."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
import yaml

from slipway import settings
from slipway.egress import formats
from slipway.egress.derive import derive
from slipway.egress.known_hosts import KnownHosts
from slipway.egress.places import Egress, Host, Undetermined

KNOWN = KnownHosts(
    {"openai": "api.openai.com", "anthropic": "api.anthropic.com", "gemini": "generativelanguage.googleapis.com"},
    {"gpt-4o": "openai", "claude-sonnet-4-5": "anthropic", "gemini-2.5-flash": "vertex_ai"},
)
VARIABLES = frozenset({"SLACK_WEBHOOK_URL", "OTEL_EXPORTER_OTLP_ENDPOINT", "PROXY_BASE_URL", "OPENAI_API_BASE"})


def of(config: Mapping[str, Any], **environment: str) -> Egress:
    resolved = settings.resolve({}, environment, config)
    return derive(resolved, config, environment, KNOWN, VARIABLES)


def model(**parameters: str) -> dict[str, Any]:
    return {"model_list": [{"model_name": "m", "litellm_params": parameters}]}


def listed(egress: Egress) -> list[str]:
    return [f"{one.host}:{one.port}" for one in egress.hosts]


MODELS: tuple[tuple[dict[str, str], dict[str, str], list[str]], ...] = (
    ({"model": "openai/gpt-4o"}, {}, ["api.openai.com:443"]),
    ({"model": "gpt-4o"}, {}, ["api.openai.com:443"]),
    ({"model": "openai/*"}, {}, ["api.openai.com:443"]),
    ({"model": "claude", "custom_llm_provider": "anthropic"}, {}, ["api.anthropic.com:443"]),
    ({"model": "openai/x", "api_base": "http://vllm:8000/v1"}, {}, ["vllm:8000"]),
    ({"model": "openai/x", "base_url": "https://user:word@Models.Example/v1?key=word"}, {}, ["models.example:443"]),
    (
        {"model": "openai/x", "api_base": "os.environ/BASE"},
        {"BASE": "https://inside.example/v1"},
        ["inside.example:443"],
    ),
    ({"model": "openai/x"}, {"OPENAI_API_BASE": "https://other.example"}, ["other.example:443"]),
    ({"model": "openai/x", "mock_response": "hello"}, {}, []),
    ({"model": "bedrock/anthropic.claude"}, {}, ["bedrock-runtime.us-west-2.amazonaws.com:443"]),
    ({"model": "bedrock/x"}, {"AWS_REGION_NAME": "eu-west-1"}, ["bedrock-runtime.eu-west-1.amazonaws.com:443"]),
    (
        {"model": "bedrock/x", "aws_region_name": "eu-north-1", "aws_role_name": "a"},
        {},
        [
            "bedrock-runtime.eu-north-1.amazonaws.com:443",
            "sts.amazonaws.com:443",
            "sts.eu-north-1.amazonaws.com:443",
        ],
    ),
    ({"model": "sagemaker/x"}, {}, ["runtime.sagemaker.us-west-2.amazonaws.com:443"]),
    (
        {"model": "vertex_ai/gemini-pro", "vertex_location": "europe-west1"},
        {},
        ["europe-west1-aiplatform.googleapis.com:443", "oauth2.googleapis.com:443"],
    ),
    (
        {"model": "gemini-2.5-flash"},
        {"VERTEXAI_LOCATION": "global"},
        ["aiplatform.googleapis.com:443", "oauth2.googleapis.com:443"],
    ),
    (
        {"model": "azure/gpt", "api_base": "https://mine.openai.azure.com", "tenant_id": "t"},
        {},
        ["login.microsoftonline.com:443", "mine.openai.azure.com:443"],
    ),
)


@pytest.mark.parametrize(("parameters", "environment", "hosts"), MODELS)
def test_a_model_is_where_it_says_or_where_its_provider_is(
    parameters: dict[str, str], environment: dict[str, str], hosts: list[str]
) -> None:
    found = of(model(**parameters), **environment)
    assert listed(found) == hosts
    assert not found.undetermined


@pytest.mark.parametrize(
    ("config", "environment", "what"),
    [
        (model(model="ollama/llama"), {}, "model_list[0] (ollama)"),
        (model(model="*"), {}, "model_list[0]"),
        (model(model="unheard-of"), {}, "model_list[0]"),
        (model(model="openai/x", api_base="os.environ/UNSET"), {}, "model_list[0].litellm_params.api_base"),
        ({"general_settings": {"store_model_in_db": True}}, {}, "models in the database"),
        (
            {"litellm_settings": {"callbacks": ["mine.handler"]}},
            {},
            "litellm_settings.callbacks (a callback of your own)",
        ),
        ({}, {"LITELLM_WORKER_STARTUP_HOOKS": "mine:hook"}, "LITELLM_WORKER_STARTUP_HOOKS"),
        ({"general_settings": {"database_url": "os.environ/UNSET"}}, {}, "the database"),
    ],
)
def test_what_nobody_can_know_is_told(config: dict[str, Any], environment: dict[str, str], what: str) -> None:
    assert [one.what for one in of(config, **environment).undetermined] == [what]


SERVICES: tuple[tuple[dict[str, Any], dict[str, str], list[str]], ...] = (
    ({}, {"DATABASE_URL": "postgresql://u:sentinel@db.example:6543/n"}, ["db.example:6543"]),
    ({}, {"DATABASE_URL": "postgresql://u:p@pool/n", "DIRECT_URL": "postgresql://u:p@db/n"}, ["db:5432", "pool:5432"]),
    ({"general_settings": {"coordination_redis": {"host": "redis", "port": 7000}}}, {}, ["redis:7000"]),
    ({}, {"REDIS_HOST": "cache.example"}, ["cache.example:6379"]),
    ({"litellm_settings": {"success_callback": ["langfuse"]}}, {}, ["cloud.langfuse.com:443"]),
    (
        {"litellm_settings": {"callbacks": ["langfuse"]}},
        {"LANGFUSE_HOST": "https://fuse.example"},
        ["fuse.example:443"],
    ),
    (
        {"litellm_settings": {"callbacks": ["datadog"]}},
        {"DD_SITE": "datadoghq.eu"},
        ["http-intake.logs.datadoghq.eu:443"],
    ),
    ({"litellm_settings": {"callbacks": ["prometheus", "otel"]}}, {}, []),
    ({}, {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}, ["collector:4318"]),
    ({"general_settings": {"alerting": ["slack"]}}, {}, ["hooks.slack.com:443"]),
    ({}, {"SLACK_WEBHOOK_URL": "https://hooks.slack.com/services/sentinel"}, ["hooks.slack.com:443"]),
    (
        {"general_settings": {"key_management_system": "google_secret_manager"}},
        {},
        ["secretmanager.googleapis.com:443"],
    ),
    ({}, {"MICROSOFT_CLIENT_ID": "x"}, ["graph.microsoft.com:443", "login.microsoftonline.com:443"]),
    ({}, {"LITELLM_LOCAL_BLOG_POSTS": "False"}, ["docs.litellm.ai:443"]),
    ({}, {"HTTPS_PROXY": "http://user:sentinel@proxy.example:3128"}, ["proxy.example:3128"]),
    ({}, {"PROXY_BASE_URL": "https://gateway.example"}, []),
    ({"mcp_servers": {"tools": {"url": "https://tools.example/mcp"}}}, {}, ["tools.example:443"]),
    (
        {"general_settings": {"pass_through_endpoints": [{"path": "/v1/rerank", "target": "https://pass.example/v1"}]}},
        {},
        ["pass.example:443"],
    ),
    (
        {"guardrails": [{"guardrail_name": "g", "litellm_params": {"api_base": "http://guard:5000"}}]},
        {},
        ["guard:5000"],
    ),
)


@pytest.mark.parametrize(("config", "environment", "hosts"), SERVICES)
def test_what_is_beside_models_is_listed(config: dict[str, Any], environment: dict[str, str], hosts: list[str]) -> None:
    found = of(config, **environment)
    assert listed(found) == hosts
    assert "sentinel" not in "".join(write(found) for write in formats.FORMATS.values() if write != formats.as_systemd)


SOME = Egress(
    (
        Host("api.openai.com", 443, "provider", "model_list[0] (openai)"),
        Host("db", 5432, "database", "variable DATABASE_URL"),
        Host("vllm", 8000, "provider", "model_list[1].litellm_params.api_base"),
    ),
    (Undetermined("models in the database", "they are added later", "name the hosts"),),
)


def test_json_is_for_programs() -> None:
    content = json.loads(formats.as_json(SOME))
    assert content["hosts"][0] == {
        "host": "api.openai.com", "port": 443, "kind": "provider", "why": "model_list[0] (openai)"
    }  # fmt: skip
    assert content["undetermined"][0]["what"] == "models in the database"


def test_helm_values_have_names_of_hosts_and_say_what_they_leave_out() -> None:
    text = formats.as_helm(SOME)
    assert yaml.safe_load(text) == {"networkPolicy": {"hosts": ["api.openai.com"]}}
    assert "# vllm:8000 is not among them" in text
    assert "# undetermined: models in the database" in text


def test_compose_has_the_names_for_both_sides() -> None:
    content = yaml.safe_load(formats.as_compose(SOME))
    assert content["services"]["egress"]["environment"]["EGRESS_HOSTS"] == "api.openai.com"
    for gateway in ("gateway-a", "gateway-b"):
        assert content["services"][gateway]["extra_hosts"] == ["api.openai.com:${INSIDE:-10.231.254}.2"]


def test_systemd_gets_addresses() -> None:
    def resolve(host: str) -> list[str]:
        if host == "vllm":
            raise OSError
        return ["192.0.2.1", "2001:db8::1"] if host == "api.openai.com" else ["192.0.2.2"]

    lines = formats.as_systemd(SOME, resolve).splitlines()
    assert lines[1:4] == ["[Service]", "IPAddressDeny=any", "IPAddressAllow=localhost"]
    allowed = [line.partition("=")[2] for line in lines if line.startswith("IPAddressAllow=")]
    assert allowed == ["localhost", "192.0.2.1", "2001:db8::1", "192.0.2.2"]
    assert "# not found now" in lines[-1]


def test_nothing_named_is_said() -> None:
    assert formats.as_text(Egress((), ())) == "none: the configuration names no host"
