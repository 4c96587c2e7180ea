"""Production advice: each rule where it applies, and silence where it does not."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given
from hypothesis import settings as how
from hypothesis import strategies as any_of

from slipway import settings
from slipway.checks import advice, redis_version, resources
from slipway.report import Finding, Refusal

ROOT = Path(__file__).resolve().parents[2]
DATABASE = {"DATABASE_URL": "postgresql://u@h/n", "LITELLM_SALT_KEY": "x", "REQUEST_TIMEOUT_SECONDS": "600"}
LIMITED = "model_list: [{model_name: m, litellm_params: {model: x, rpm: 10}}]"
URL = "redis://:sentinel-secret@h:6379"


def advise(text: str, variables: dict[str, str]) -> list[Finding]:
    config = yaml.safe_load(text) or {}
    found = advice.check(settings.resolve({}, variables, config), config, variables)
    assert "sentinel" not in str(found)
    return found


def ids(text: str, variables: dict[str, str] | None = None) -> list[str]:
    return [finding.id for finding in advise(text, variables or {})]


@pytest.mark.parametrize(
    ("id", "text", "variables"),
    [
        ("redis-url", f"router_settings: {{redis_url: '{URL}'}}", {}),
        ("redis-url", "litellm_settings: {cache: true, cache_params: {url: os.environ/WHERE}}", {"WHERE": URL}),
        ("routing-by-usage", "router_settings: {routing_strategy: usage-based-routing-v2}", {}),
        ("debug-logging", "litellm_settings: {set_verbose: true}", {}),
        ("debug-logging", "", {"LITELLM_LOG": "DEBUG"}),
        ("debug-logging", "", {"DETAILED_DEBUG": "true"}),
        ("dotenv", "", {"LITELLM_MODE": "DEV"}),
        ("batch-writes", "", {**DATABASE, "NUM_WORKERS": "4", "SLIPWAY_REPLICAS": "3"}),
        ("timeout-unset", "", {**DATABASE, "REQUEST_TIMEOUT_SECONDS": ""}),
        ("timeout-longer", "router_settings: {timeout: 900}", {}),
        ("timeout-longer", "litellm_settings: {request_timeout: 900}", {"REQUEST_TIMEOUT_SECONDS": "60"}),
        ("timeout-longer", "model_list: [{litellm_params: {timeout: os.environ/T}}]", {"T": "601"}),
        ("slack-webhook", "general_settings: {alerting: [slack]}", {}),
        ("salt-key-unset", "", {**DATABASE, "LITELLM_SALT_KEY": ""}),
        ("shared-state", LIMITED, {"NUM_WORKERS": "2"}),
        ("shared-state", LIMITED, {"SLIPWAY_REPLICAS": "2"}),
        ("shared-state", "router_settings: {routing_strategy: least-busy}", {"NUM_WORKERS": "2"}),
        ("shared-state", "litellm_settings: {cache: true, cache_params: {type: local}}", {"NUM_WORKERS": "2"}),
        ("cache-without-redis", "litellm_settings: {cache: true}", {}),
        ("cache-without-redis", "litellm_settings: {cache: true, cache_params: {type: redis, port: 1}}", {}),
        ("open-without-database", "general_settings: {allow_requests_on_db_unavailable: true}", {}),
        ("models-nowhere", "general_settings: {store_model_in_db: true}", {}),
        ("workers-and-processors", "", {"NUM_WORKERS": "512"}),
    ],
)
def test_what_is_advised_against(id: str, text: str, variables: dict[str, str]) -> None:
    assert ids(text, variables) == [id]


@pytest.mark.parametrize(
    ("text", "variables"),
    [
        ("", {}),
        (LIMITED, {}),
        (LIMITED, {"NUM_WORKERS": "2", "REDIS_HOST": "h"}),
        (f"{LIMITED}\nenvironment_variables: {{REDIS_HOST: h}}", {"NUM_WORKERS": "2"}),
        (f"{LIMITED}\ngeneral_settings: {{coordination_redis: {{host: h}}}}", {"NUM_WORKERS": "2"}),
        ("litellm_settings: {set_verbose: false, request_timeout: 600}", {"LITELLM_LOG": "ERROR", "DEBUG": "false"}),
        ("general_settings: {alerting: [slack]}", {"SLACK_WEBHOOK_URL": "x"}),
        ("general_settings: {alerting: [slack], alert_to_webhook_url: {llm_exceptions: x}}", {}),
        ("general_settings: {alerting: [email]}", {}),
        ("litellm_settings: {cache: true, cache_params: {type: local}}", {}),
        ("litellm_settings: {cache: true}", {"REDIS_HOST": "h"}),
        ("litellm_settings: {cache: true}", {"LITELLM_WORKER_STARTUP_HOOKS": "my:hook"}),
        ("litellm_settings: {cache: false, cache_params: {type: redis}}", {}),
        ("router_settings: {routing_strategy: least-busy, timeout: 30}", {}),
        ("", DATABASE),
        ("", {**DATABASE, "LITELLM_SALT_KEY": "", "SLIPWAY_ALLOW_MASTER_KEY_AS_SALT": "on"}),
        ("general_settings: {store_model_in_db: true}", DATABASE),
        ("general_settings: {proxy_batch_write_at: 60}", {**DATABASE, "SLIPWAY_REPLICAS": "20"}),
    ],
)
def test_what_is_sound_is_left_alone(text: str, variables: dict[str, str]) -> None:
    assert ids(text, variables) == []


def test_processors_are_those_of_the_quota(tmp_path: Path) -> None:
    file = tmp_path / "cpu.max"
    assert resources.cpus(file) >= 1
    for text, cpus in (
        ("50000 100000", 0.5),
        ("max 100000", resources.cpus(tmp_path)),
        ("1 0", resources.cpus(tmp_path)),
    ):
        file.write_text(f"{text}\n")
        assert resources.cpus(file) == cpus


def target(text: str, variables: dict[str, str] | None = None) -> tuple[str, dict[str, Any]]:
    config = yaml.safe_load(text) or {}
    return redis_version.find(advice.Setup(settings.resolve({}, variables or {}, config), config, variables or {}))


def test_the_redis_that_the_gateway_would_use_is_found() -> None:
    assert target("") == ("", {})
    own = "general_settings: {coordination_redis: {host: a, port: os.environ/P, ssl: 'true'}}"
    assert target(f"{own}\nrouter_settings: {{redis_host: b}}", {"P": "1"}) == (
        "general_settings.coordination_redis",
        {"host": "a", "port": "1", "ssl": True},
    )
    assert target("router_settings: {redis_host: b, redis_port: 2}")[1] == {"host": "b", "port": "2"}
    assert target("litellm_settings: {cache: true, cache_params: {url: u}}")[1] == {"url": "u"}
    assert target("litellm_settings: {cache: false, cache_params: {host: h}}") == ("", {})
    nodes = "general_settings: {coordination_redis: {startup_nodes: [{host: n, port: 7}]}}"
    assert target(nodes)[1] == {"host": "n", "port": "7"}
    assert target("", {"REDIS_URL": "u"}) == ("the variables REDIS_*", {"url": "u"})


@pytest.mark.parametrize(
    ("version", "expected"), [("6.2.14", ["redis-version"]), ("7.0.0", []), ("10.1", []), ("?", [])]
)
def test_an_old_redis_is_told(version: str, expected: list[str]) -> None:
    assert [finding.id for finding in redis_version._judge("router_settings", version)] == expected


def test_the_production_config_has_no_finding() -> None:
    text = (ROOT / "docker/compose/production/config.yaml").read_text()
    variables = {**DATABASE, "SLIPWAY_REPLICAS": "3", "REDIS_HOST": "h", "SLACK_WEBHOOK_URL": "x"}
    assert ids(text, {name: value for name, value in variables.items() if name != "REQUEST_TIMEOUT_SECONDS"}) == []


values: any_of.SearchStrategy[Any] = any_of.recursive(
    any_of.one_of(any_of.none(), any_of.booleans(), any_of.integers(), any_of.floats(), any_of.text(max_size=10)),
    lambda inner: any_of.lists(inner, max_size=3) | any_of.dictionaries(any_of.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
KEYS = (
    *(
        "redis_url",
        "routing_strategy",
        "timeout",
        "cache",
        "cache_params",
        "alerting",
        "coordination_redis",
        "host",
        "url",
    ),
    *("set_verbose", "request_timeout", "store_model_in_db", "litellm_params", "type", "startup_nodes", "rpm"),
)
sections = any_of.one_of(values, any_of.dictionaries(any_of.sampled_from(KEYS), values, max_size=5))
SECTIONS = ("general_settings", "litellm_settings", "router_settings", "model_list", "environment_variables")


@how(deadline=None, suppress_health_check=list(HealthCheck))
@given(
    config=any_of.dictionaries(
        any_of.sampled_from(SECTIONS), any_of.one_of(sections, any_of.lists(sections)), max_size=5
    )
)
def test_no_config_makes_a_traceback(config: dict[str, Any]) -> None:
    try:
        resolved = settings.resolve({}, {"NUM_WORKERS": "2"}, config)
    except Refusal:
        return
    advice.check(resolved, config, {})
    redis_version.find(advice.Setup(resolved, config, {}))
