"""The list of hosts that a configuration makes the gateway talk to: many configs, and every format."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from typing import Any

import pytest
import yaml

from known.asking import Recorder, providers
from known.defaults import Defaults
from known.source import parse
from slipway import cli, settings
from slipway.egress import formats, listing, systemd, table
from slipway.egress.proxies import is_excepted
from slipway.egress.reach import Host, Undetermined, endpoint
from tests.support import chart

TABLE = table.parse(
    {
        "names": [
            *("anthropic", "azure", "azure_ai", "bedrock", "bedrock_mantle", "chatgpt", "groq", "hosted_vllm", "oci"),
            *("ollama", "openai", "s3_vectors", "sagemaker_chat", "snowflake", "vertex_ai", "watsonx"),
        ],
        "providers": {
            "anthropic": {
                "hosts": ["api.anthropic.com:443"],
                "variables": ["ANTHROPIC_API_BASE", "ANTHROPIC_BASE_URL"],
            },
            "groq": {"hosts": ["api.groq.com:443"], "variables": ["GROQ_API_BASE"]},
            "hosted_vllm": {"hosts": [], "variables": ["HOSTED_VLLM_API_BASE"]},
            "ollama": {"hosts": ["localhost:11434"], "variables": ["OLLAMA_API_BASE"]},
            "openai": {"hosts": ["api.openai.com:443"], "variables": ["OPENAI_BASE_URL", "OPENAI_API_BASE"]},
        },
        "models": {"openai": ["gpt-4o"], "bedrock": ["amazon.titan-text"]},
        "rules": [["^(?:[a-z-]+\\.)?anthropic\\.claude-", "bedrock"], ["^claude-[a-z]+-\\d+$", "anthropic"]],
        "guardrails": {"lakera_ai_v2": {"hosts": ["api.lakera.ai:443"], "variables": ["LAKERA_API_BASE"]}},
        "callbacks": {
            "langsmith": {"hosts": ["api.smith.langchain.com:443"], "variables": ["LANGSMITH_BASE_URL"]},
            "lago": {"hosts": [], "variables": ["LAGO_API_BASE"]},
        },
    }
)
AWS_KEYS = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"}


def listed(text: str, variables: dict[str, str] | None = None) -> listing.Listing:
    config = yaml.safe_load(text) or {}
    environment = variables or {}
    found = listing.make(settings.resolve({}, environment, config), config, environment, TABLE)
    assert "sentinel" not in str(found)
    return found


def places(found: listing.Listing) -> list[str]:
    return sorted(f"{host.host}:{host.port}" for host in found.hosts)


def model(**parameters: object) -> str:
    return json.dumps({"model_list": [{"model_name": "x", "litellm_params": parameters}]})


@pytest.mark.parametrize(
    ("parameters", "variables", "expected"),
    [
        ({"model": "openai/gpt-4o"}, {}, ["api.openai.com:443"]),
        ({"model": "openai/*"}, {}, ["api.openai.com:443"]),
        ({"model": "gpt-4o"}, {}, ["api.openai.com:443"]),
        ({"model": "ft:gpt-4o:mine::1"}, {}, ["api.openai.com:443"]),
        ({"model": "claude-new-7"}, {}, ["api.anthropic.com:443"]),
        ({"model": "x", "custom_llm_provider": "groq"}, {}, ["api.groq.com:443"]),
        ({"model": "openai/x", "api_base": "http://10.0.0.1:8000/v1"}, {}, ["10.0.0.1:8000"]),
        ({"model": "openai/x", "base_url": "https://u:sentinel@h.io/p?k=sentinel"}, {}, ["h.io:443"]),
        (
            {"model": "openai/x", "api_base": "os.environ/BASE"},
            {"BASE": "https://[2001:db8::1]/v1"},
            ["2001:db8::1:443"],
        ),
        ({"model": "unheard-of", "api_base": "https://h.io"}, {}, ["h.io:443"]),
        ({"model": "openai/x"}, {"OPENAI_API_BASE": "https://a.io", "OPENAI_BASE_URL": "https://b.io"}, ["b.io:443"]),
        ({"model": "anthropic/x"}, {"ANTHROPIC_BASE_URL": "http://sentinel@a.io"}, ["a.io:80"]),
        ({"model": "openai/x", "mock_response": "hello"}, {}, []),
        ({"model": "ollama/x"}, {}, ["localhost:11434"]),
        ({"model": "bedrock/x"}, AWS_KEYS, ["bedrock-runtime.us-west-2.amazonaws.com:443"]),
        (
            {"model": "bedrock/x", "aws_region_name": "cn-north-1", "aws_role_name": "r"},
            {},
            ["bedrock-runtime.cn-north-1.amazonaws.com.cn:443", "sts.cn-north-1.amazonaws.com.cn:443"],
        ),
        (
            {"model": "us.anthropic.claude-3"},
            {**AWS_KEYS, "AWS_REGION": "eu-west-1"},
            ["bedrock-runtime.eu-west-1.amazonaws.com:443"],
        ),
        (
            {"model": "bedrock/arn:aws:bedrock:eu-north-1:1:profile/x"},
            AWS_KEYS,
            ["bedrock-runtime.eu-north-1.amazonaws.com:443"],
        ),
        ({"model": "bedrock/agent/A/B"}, AWS_KEYS, ["bedrock-agent-runtime.us-west-2.amazonaws.com:443"]),
        ({"model": "bedrock/x", "aws_bedrock_runtime_endpoint": "https://vpce.io"}, AWS_KEYS, ["vpce.io:443"]),
        ({"model": "bedrock_mantle/x"}, AWS_KEYS, ["bedrock-mantle.us-east-1.api.aws:443"]),
        ({"model": "s3_vectors/x"}, AWS_KEYS, ["s3vectors.us-west-2.api.aws:443"]),
        ({"model": "sagemaker_chat/x"}, AWS_KEYS, ["runtime.sagemaker.us-west-2.amazonaws.com:443"]),
        (
            {"model": "vertex_ai/x", "vertex_location": "europe-west4"},
            {},
            ["europe-west4-aiplatform.googleapis.com:443", "oauth2.googleapis.com:443"],
        ),
        (
            {"model": "vertex_ai/x"},
            {"VERTEXAI_LOCATION": "global"},
            ["aiplatform.googleapis.com:443", "oauth2.googleapis.com:443"],
        ),
        (
            {"model": "vertex_ai/x", "vertex_location": "eu"},
            {},
            ["aiplatform.eu.rep.googleapis.com:443", "oauth2.googleapis.com:443"],
        ),
        ({"model": "azure/x", "api_base": "https://me.openai.azure.com"}, {}, ["me.openai.azure.com:443"]),
        (
            {"model": "azure/x", "tenant_id": "t"},
            {"AZURE_API_BASE": "https://me.openai.azure.com"},
            ["login.microsoftonline.com:443", "me.openai.azure.com:443"],
        ),
        ({"model": "azure_ai/x"}, {"AZURE_AI_API_BASE": "https://a.io"}, ["a.io:443"]),
        ({"model": "watsonx/x", "api_base": "https://us.ml.io"}, {}, ["iam.cloud.ibm.com:443", "us.ml.io:443"]),
        ({"model": "snowflake/x", "account_id": "abc"}, {}, ["abc.snowflakecomputing.com:443"]),
        ({"model": "oci/x", "oci_region": "r"}, {}, ["inference.generativeai.r.oci.oraclecloud.com:443"]),
        ({"model": "chatgpt/x"}, {}, ["auth.openai.com:443", "chatgpt.com:443"]),
    ],
)
def test_hosts_of_a_model(parameters: dict[str, object], variables: dict[str, str], expected: list[str]) -> None:
    found = listed(model(**parameters), variables)
    assert (places(found), found.undetermined) == (expected, ())
    assert all(host.kind == "provider" and "model_list[0]" in host.why for host in found.hosts)


@pytest.mark.parametrize(
    ("text", "variables", "named"),
    [
        (model(model="unheard-of"), {}, ["model_list[0]", "PROVIDER/NAME"]),
        (model(model="*"), {}, ["any provider"]),
        (model(model="hosted_vllm/x"), {}, ["hosted_vllm", "HOSTED_VLLM_API_BASE"]),
        (model(model="azure/x"), {}, ["azure", "AZURE_API_BASE"]),
        (model(model="openai/x", api_base="os.environ/NOWHERE"), {}, ["model_list[0]", "NOWHERE"]),
        (model(model="openai/x", api_base="https://${sentinel}/"), {}, ["cannot be read"]),
        (model(model="openai/x", litellm_credential_name="c"), {}, ["litellm_credential_name"]),
        (model(model="bedrock/x"), {}, ["169.254.169.254"]),
        (model(model="bedrock/x", aws_region_name="sentinel\nx"), AWS_KEYS, ["model_list[0]", "region"]),
        (model(model="s3_vectors/x", aws_region_name="sentinel\nx"), AWS_KEYS, ["model_list[0]", "region"]),
        (model(model="vertex_ai/x", vertex_location="Sentinel sentinel"), {}, ["model_list[0]", "location"]),
        ("general_settings: {store_model_in_db: true}", {}, ["store_model_in_db"]),
        ("", {"STORE_MODEL_IN_DB": "True"}, ["store_model_in_db"]),
        ("litellm_settings: {custom_provider_map: [{provider: p}]}", {}, ["custom_provider_map"]),
        ("litellm_settings: {callbacks: [mine.hook]}", {}, ["callbacks", "by hand"]),
        ("litellm_settings: {success_callback: [lago]}", {}, ["lago", "LAGO_API_BASE"]),
        ("litellm_settings: {callbacks: [otel]}", {"OTEL_EXPORTER": "otlp_http"}, ["OTEL_EXPORTER_OTLP_ENDPOINT"]),
        ("guardrails: [{guardrail_name: g, litellm_params: {guardrail: mine.Guard}}]", {}, ["guardrails[0]"]),
        ("guardrails: [{guardrail_name: g, litellm_params: {guardrail: sentinel-x}}]", {}, ["guardrails[0]"]),
        ("general_settings: {alerting: [slack]}", {}, ["SLACK_WEBHOOK_URL"]),
        ("general_settings: {database_url: os.environ/DB}", {}, ["DB"]),
        ("general_settings: {custom_auth: mine.auth}", {}, ["general_settings.custom_auth"]),
        ("general_settings: {key_management_system: custom}", {}, ["key_management_system"]),
        ("files_settings: [{api_base: os.environ/NOWHERE}]", {}, ["files_settings[0].api_base", "NOWHERE"]),
        ("mcp_servers: {tool: {command: npx}}", {}, ["mcp_servers.tool.command"]),
        ("search_tools: [{litellm_params: {search_provider: x}}]", {}, ["search_tools[0]"]),
        ("", {"LITELLM_WORKER_STARTUP_HOOKS": "a:b"}, ["LITELLM_WORKER_STARTUP_HOOKS"]),
        ("", {"LITELLM_CONFIG_BUCKET_NAME": "b"}, ["LITELLM_CONFIG_BUCKET_NAME"]),
        ("", {"REDIS_SENTINEL_NODES": '[["s", 26379]]'}, ["REDIS_SENTINEL_NODES", "by hand"]),
    ],
)
def test_what_cannot_be_told_is_said(text: str, variables: dict[str, str], named: list[str]) -> None:
    (unknown,) = listed(text, variables).undetermined
    for word in named:
        assert word in f"{unknown.what}; {unknown.why}; {unknown.fix}"


@pytest.mark.parametrize(
    ("text", "variables", "expected"),
    [
        ("", {}, []),
        ("general_settings: {database_url: 'postgresql://u:sentinel@db:5433/n'}", {}, ["db:5433 database"]),
        (
            "",
            {"DATABASE_URL": "postgres://u:sentinel@db/n", "DIRECT_URL": "postgres://u@d/n"},
            ["d:5432 database", "db:5432 database"],
        ),
        ("", {"DATABASE_HOST": "db", "DATABASE_USERNAME": "u", "DATABASE_NAME": "n"}, ["db:5432 database"]),
        ("general_settings: {coordination_redis: {host: r, port: 7}}", {}, ["r:7 redis"]),
        ("litellm_settings: {cache: true, cache_params: {url: 'rediss://:sentinel@r'}}", {}, ["r:6379 redis"]),
        ("router_settings: {redis_host: os.environ/R, redis_port: 7}", {"R": "r"}, ["r:7 redis"]),
        ("", {"REDIS_HOST": "r", "REDIS_PORT": "7"}, ["r:7 redis"]),
        (
            "litellm_settings: {cache: true, cache_params: {type: gcs}}",
            {},
            ["oauth2.googleapis.com:443 cache", "storage.googleapis.com:443 cache"],
        ),
        ("litellm_settings: {success_callback: [langfuse]}", {}, ["cloud.langfuse.com:443 callback"]),
        ("litellm_settings: {callbacks: [langfuse_otel]}", {"LANGFUSE_HOST": "https://l.io"}, ["l.io:443 callback"]),
        ("litellm_settings: {callbacks: [langsmith, prometheus]}", {}, ["api.smith.langchain.com:443 callback"]),
        (
            "litellm_settings: {callbacks: [datadog]}",
            {"DD_SITE": "datadoghq.eu"},
            ["http-intake.logs.datadoghq.eu:443 callback"],
        ),
        ("litellm_settings: {callbacks: [datadog]}", {"LITELLM_DD_AGENT_HOST": "agent"}, ["agent:10518 callback"]),
        ("litellm_settings: {callbacks: [otel]}", {"OTEL_ENDPOINT": "http://c:4318/v1"}, ["c:4318 callback"]),
        (
            "litellm_settings: {callbacks: [s3_v2], s3_callback_params: {s3_bucket_name: b, s3_region_name: r-1}}",
            AWS_KEYS,
            ["b.s3.r-1.amazonaws.com:443 callback", "s3.r-1.amazonaws.com:443 callback"],
        ),
        (
            "guardrails: [{guardrail_name: g, litellm_params: {guardrail: lakera_v2}}]",
            {},
            ["api.lakera.ai:443 guardrail"],
        ),
        (
            "guardrails: [{guardrail_name: g, litellm_params: {guardrail: x, api_base: 'https://g.io'}}]",
            {},
            ["g.io:443 guardrail"],
        ),
        (
            "guardrails: [{guardrail_name: g, litellm_params: {guardrail: openai_moderation}}]",
            {},
            ["api.openai.com:443 provider"],
        ),
        (
            "general_settings: {alerting: [slack]}",
            {"SLACK_WEBHOOK_URL": "https://hooks.slack.com/sentinel"},
            ["hooks.slack.com:443 alerting"],
        ),
        (
            "general_settings: {alerting: [slack], alert_to_webhook_url: {budget: ['https://a.io/sentinel', 'https://b.io']}}",
            {},
            ["a.io:443 alerting", "b.io:443 alerting"],
        ),
        ("", {"SMTP_HOST": "mail"}, ["mail:587 mail"]),
        ("", {"JWT_PUBLIC_KEY_URL": "https://a.io/k, https://b.io/k"}, ["a.io:443 sso", "b.io:443 sso"]),
        ("", {"GENERIC_CLIENT_ID": "x", "GENERIC_TOKEN_ENDPOINT": "https://idp.io/t"}, ["idp.io:443 sso"]),
        ("", {"MICROSOFT_CLIENT_ID": "x"}, ["graph.microsoft.com:443 sso", "login.microsoftonline.com:443 sso"]),
        ("mcp_servers: {d: {url: 'https://m.io/x?t=sentinel'}}", {}, ["m.io:443 mcp"]),
        (
            "general_settings: {pass_through_endpoints: [{path: /p, target: 'https://p.io/sentinel'}]}",
            {},
            ["p.io:443 pass_through"],
        ),
        (
            "vector_store_registry: [{litellm_params: {custom_llm_provider: openai}}]",
            {},
            ["api.openai.com:443 provider"],
        ),
        ("", {"LITELLM_LOCAL_MODEL_COST_MAP": "off"}, ["raw.githubusercontent.com:443 start"]),
        ("files_settings: [{custom_llm_provider: azure, api_base: 'https://f.io/sentinel'}]", {}, ["f.io:443 other"]),
        ("worker_registry: [{worker_id: w, url: os.environ/W}]", {"W": "http://w.io:81"}, ["w.io:81 other"]),
        ("general_settings: {proxy_base_url: 'https://me.io'}", {}, []),
        (
            "model_list: [{model_info: {custom_tokenizer: {identifier: x}}, litellm_params: "
            "{mock_response: x, api_base: 'https://x.io'}}]",
            {},
            ["huggingface.co:443 provider"],
        ),
        ("a: &a {b_url: 'https://b.io', again: [*a]}", {}, ["b.io:443 other"]),
        ("environment_variables: {REDIS_HOST: os.environ/R}", {"R": "r"}, ["r:6379 redis"]),
    ],
)
def test_hosts_of_everything_else(text: str, variables: dict[str, str], expected: list[str]) -> None:
    found = listed(text, variables)
    assert (sorted(f"{host.host}:{host.port} {host.kind}" for host in found.hosts), found.undetermined) == (
        expected,
        (),
    )


@pytest.mark.parametrize(
    ("system", "variables", "host"),
    [
        ("aws_secret_manager", AWS_KEYS, "secretsmanager.us-west-2.amazonaws.com"),
        ("google_secret_manager", {}, "secretmanager.googleapis.com"),
        ("azure_key_vault", {"AZURE_KEY_VAULT_URI": "https://v.vault.azure.net"}, "v.vault.azure.net"),
        ("hashicorp_vault", {"HCP_VAULT_ADDR": "https://vault.io:8200"}, "vault.io"),
    ],
)
def test_secret_managers(system: str, variables: dict[str, str], host: str) -> None:
    found = listed(f"general_settings: {{key_management_system: {system}}}", variables)
    assert host in [each.host for each in found.hosts]
    assert "may come from it" in found.undetermined[0].why


def test_a_credential_of_the_config_names_a_host() -> None:
    text = """
    credential_list: [{credential_name: c, credential_values: {api_base: "https://c.io"}}]
    model_list: [{model_name: x, litellm_params: {model: openai/x, litellm_credential_name: c}}]
    """
    assert places(listed(text)) == ["c.io:443"]


def test_a_model_of_the_command_line_counts() -> None:
    worker = {"model": "groq/x"}
    found = listing.make(settings.resolve({}, {}, {}), {}, {}, TABLE, worker)
    assert found.hosts == (Host("api.groq.com", 443, "provider", "flag --model: groq"),)


def test_what_a_config_includes_counts(tmp_path: Path) -> None:
    (tmp_path / "more.yaml").write_text(model(model="groq/x"))
    (tmp_path / "config.yaml").write_text("include: [more.yaml]")
    environment = {"CONFIG_FILE_PATH": str(tmp_path / "config.yaml")}
    config = {"include": ["more.yaml"]}
    found = listing.make(settings.resolve({}, environment, config), config, environment, TABLE)
    assert places(found) == ["api.groq.com:443"]


def test_models_of_one_host_are_one_line() -> None:
    models = [{"model_name": "x", "litellm_params": {"model": "gpt-4o"}}] * 6
    (host,) = listed(json.dumps({"model_list": models})).hosts
    assert host.why.count("model_list[") == 4
    assert host.why.endswith("and 2 more")


def test_a_proxy_takes_the_place_of_what_is_behind_it() -> None:
    text = "model_list: [{litellm_params: {model: openai/x}}, {litellm_params: {model: groq/x}}]"
    environment = {
        "HTTPS_PROXY": "http://u:sentinel@proxy.corp:8080",
        "NO_PROXY": ".groq.com,10.0.0.0/8",
        "DATABASE_URL": "postgresql://u@db/n",
    }
    found = listed(text, environment)
    assert places(found) == ["api.groq.com:443", "db:5432", "proxy.corp:8080"]
    assert found.hosts[0] == Host("proxy.corp", 8080, "proxy", "variable HTTPS_PROXY, for 1 host")
    assert places(listed(text, {"HTTP_PROXY": "http://proxy.corp:1"})) == ["api.groq.com:443", "api.openai.com:443"]


@pytest.mark.parametrize(
    ("host", "entries", "expected"),
    [
        ("a.b.io", ["b.io"], True),
        ("a.b.io", [".b.io"], True),
        ("a.b.io", ["*.b.io"], True),
        ("ab.io", ["b.io"], False),
        ("10.1.2.3", ["10.0.0.0/8"], True),
        ("h.io", ["*"], True),
        ("h.io", ["10.0.0.0/8"], False),
    ],
)
def test_exceptions_from_the_proxy(host: str, entries: list[str], expected: bool) -> None:
    assert is_excepted(host, entries) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://U:p@H.io/x?y#z", ("h.io", 443)),
        ("http://h", ("h", 80)),
        ("h:1", ("h", 1)),
        ("rediss://:p@h", ("h", 6379)),
        ("https://[::1]:8/x", ("::1", 8)),
        ("https://h.io.", ("h.io", 443)),
        ("https://h:99999", None),
        ("https://", None),
        ("https://a b/", None),
        ("${BASE}", None),
        ("https://127.0.0.1", ("127.0.0.1", 443)),
        # What each library takes for another address, or none.
        ("https://[fe80::1%25eth0]/", None),
        ("https://0x7f.1", None),
        ("https://2130706433", None),
        ("5", None),
    ],
)
def test_addresses(text: str, expected: tuple[str, int] | None) -> None:
    assert endpoint(text) == expected


LISTING = listing.Listing(
    (
        Host("api.openai.com", 443, "provider", "model_list[0]: openai"),
        Host("api.groq.com", 443, "callback", "x"),
        Host("10.1.2.3", 8000, "provider", "model_list[1]"),
        Host("2001:db8::1", 443, "provider", "model_list[2]"),
        Host("ngw.example.ru", 9443, "provider", "model_list[3]"),
        Host("localhost", 11434, "provider", "model_list[4]: ollama"),
        Host("db", 5432, "database", "variable DATABASE_URL"),
    ),
    (Undetermined("a thing", "nobody knows", "Ask."),),
)


def test_text_is_one_line_a_host() -> None:
    lines = formats.as_text(LISTING).splitlines()
    assert lines[0].split("  ")[0] == "api.openai.com:443"
    assert lines[3].startswith("[2001:db8::1]:443 ")
    assert lines[-2:] == ["undetermined: a thing: nobody knows", "  fix: Ask."]
    assert "nobody" in formats.as_text(listing.Listing((), ()))


def test_json_has_every_field() -> None:
    content = json.loads(formats.as_json(LISTING))
    assert content["hosts"][0] == {
        "host": "api.openai.com",
        "port": 443,
        "kind": "provider",
        "why": "model_list[0]: openai",
    }
    assert content["undetermined"] == [{"what": "a thing", "why": "nobody knows", "fix": "Ask."}]


def test_the_chart_takes_its_values() -> None:
    text = formats.as_helm(LISTING)
    values = yaml.safe_load(text)
    assert values["networkPolicy"]["hosts"] == ["api.groq.com", "api.openai.com"]
    rendered = {item["kind"]: item for item in chart.objects({**chart.KEYS, **values})}
    (names,) = [rule["toFQDNs"] for rule in rendered["CiliumNetworkPolicy"]["spec"]["egress"] if "toFQDNs" in rule]
    assert names == [{"matchName": "api.groq.com"}, {"matchName": "api.openai.com"}]
    blocks = [rule["to"][0]["ipBlock"]["cidr"] for rule in rendered["NetworkPolicy"]["spec"]["egress"] if "to" in rule]
    assert blocks == ["10.1.2.3/32", "2001:db8::1/128"]
    for told in (
        "# ngw.example.ru:9443",
        "# localhost:11434: inside",
        "# db:5432: database",
        "# undetermined: a thing",
    ):
        assert told in text
    nothing = yaml.safe_load(formats.as_helm(listing.Listing((), ())))
    assert nothing == {"networkPolicy": {"internet": False, "hosts": []}}


def test_compose_has_the_names_for_both_sides() -> None:
    text = formats.as_compose(LISTING)
    services = yaml.safe_load(text)["services"]
    for letter, number in (("a", 2), ("b", 3)):
        assert services[f"egress-{letter}"]["environment"] == {"EGRESS_HOSTS": "api.groq.com api.openai.com"}
        address = f"${{INSIDE:-10.231.254}}.{number}"
        hosts = services[f"gateway-{letter}"]["extra_hosts"]
        assert hosts == [f"api.groq.com:{address}", f"api.openai.com:{address}"]
    assert "# ngw.example.ru:9443: not through egress" in text
    nobody: dict[str, Any] = yaml.safe_load(formats.as_compose(listing.Listing((), ())))["services"]
    assert nobody["egress-a"]["environment"] == {"EGRESS_HOSTS": ""}
    assert nobody["gateway-a"]["extra_hosts"] == []


def test_a_drop_in_has_addresses_and_says_which_name_has_none(tmp_path: Path) -> None:
    def look_up(name: str) -> list[str]:
        if name == "db":
            raise OSError
        return [f"192.0.2.{len(name)}"]

    resolver = tmp_path / "resolv.conf"
    resolver.write_text("search x\nnameserver 127.0.0.53\nnameserver 192.0.2.53\n")
    text, (finding,) = systemd.drop_in(LISTING, look_up, resolver)
    lines = text.splitlines()
    assert lines[1:4] == ["[Service]", "IPAddressDeny=any", "IPAddressAllow=localhost"]
    assert lines[5] == "IPAddressAllow=192.0.2.53"
    assert lines[lines.index("# api.openai.com:443: model_list[0]: openai") + 1] == "IPAddressAllow=192.0.2.14"
    assert {"IPAddressAllow=10.1.2.3", "IPAddressAllow=2001:db8::1"} <= {*lines}
    assert not [line for line in lines if "localhost:11434" in line]
    assert (finding.id, finding.severity, "db" in finding.what) == ("egress-unresolved", "warning", True)


def test_without_the_images_table_it_is_said() -> None:
    found = listing.make(settings.resolve({}, {}, {}), {}, {}, table.load("nowhere"))
    assert found.undetermined[0].what == "hosts of providers"


def test_an_unknown_format_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["egress", "--format", "xml"]) == 64
    assert "text, json, helm, compose, systemd" in capsys.readouterr().err


def test_a_config_that_is_none_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("model_list: [")
    assert cli.main(["egress", "--config", str(path)]) == 65
    assert "config-yaml" in capsys.readouterr().err


def test_a_call_tells_where_it_wants_to_go_and_what_moves_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ONE_API_BASE", raising=False)

    def call(model: str) -> None:
        base = (
            os.environ.get("ONE_API_BASE") or os.environ.get("TWO_BASE_URL") or f"https://{model.split('/')[0]}.io/v1"
        )
        socket.create_connection((base.split("/")[2], 443))

    found = providers(["alpha"], {"chat": call}, {})
    assert found == {"alpha": {"hosts": ["alpha.io:443"], "variables": ["ONE_API_BASE", "TWO_BASE_URL"]}}
    assert Recorder().hosts == set()


GUARD = """
DEFAULT: Final = "https://default.io/v1"
class Guard:
    def __init__(self, api_base=None):
        self.one = api_base or os.environ.get("ONE_API_BASE") or "https://one.io/v1"
        self.two = os.getenv("TWO_URL", "http://two.io:81")
        self.three = get_secret_str("THREE_API_BASE") or DEFAULT
        self.key = os.getenv("ONE_API_KEY")
"""


def test_addresses_of_guardrails_are_read_from_their_files() -> None:
    defaults = Defaults()
    defaults.see(parse("litellm/proxy/guardrails/guardrail_hooks/one/one.py", GUARD))
    assert {name: sorted(words) for name, words in defaults.guardrails["one"].items()} == {
        "hosts": ["default.io:443", "one.io:443", "two.io:81"],
        "variables": ["ONE_API_BASE", "THREE_API_BASE", "TWO_URL"],
    }
