"""Names of variables: misspelt, left behind, or other people's."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as any_of

from slipway import settings
from slipway.checks import environment
from slipway.report import Finding
from tests.support.known import KNOWN

ROOT = Path(__file__).resolve().parents[2]
SECRET = "sk-Zq81mXy04Lw77Vb2"


def judge(variables: dict[str, str], *referred: str) -> list[Finding]:
    return environment.judge(variables, set(referred), KNOWN)


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("LITELLM_MASTERKEY", "LITELLM_MASTER_KEY"),
        ("litellm_master_key", "LITELLM_MASTER_KEY"),
        ("SLIPWAY_SETTLE_SECOND", "SLIPWAY_SETTLE_SECONDS"),
        ("SLIPWAY_PATCH_METRIC_SLOT", "SLIPWAY_PATCH_METRIC_SLOTS"),
        ("PRISMA_QUERY_ENGIN_BINARY", "PRISMA_QUERY_ENGINE_BINARY"),
        ("DATABASE_URI", "DATABASE_URL"),
        ("REDIS_PASSWD", "REDIS_PASSWORD"),
        # Settings without a beginning of their own.
        ("REQUEST_TIMEOUT_SECOND", "REQUEST_TIMEOUT_SECONDS"),
        ("MAX_REQUEST_BEFORE_RESTART", "MAX_REQUESTS_BEFORE_RESTART"),
        ("DISABLE_SCHEMA_UPDATES", "DISABLE_SCHEMA_UPDATE"),
    ],
)
def test_a_misspelt_name_is_told_with_the_one_that_was_meant(name: str, near: str) -> None:
    (finding,) = judge({name: SECRET})
    assert (finding.id, finding.severity) == ("variable-unknown", "warning")
    assert name in finding.what
    assert finding.fix == f"Did you mean {near}?"
    assert SECRET not in f"{finding.what}{finding.fix}"


def test_a_name_that_is_like_none_is_told_too() -> None:
    (finding,) = judge({"LITELLM_PREFERRED_COLOUR": "blue"})
    assert "LITELLM_PREFERRED_COLOUR" in finding.what


@pytest.mark.parametrize(
    "variables",
    [
        {name: "1" for setting in settings.SETTINGS for name in (setting.name, *setting.aliases)},
        {"LITELLM_MASTER_KEY_FILE": "/x", "SLIPWAY_SETTLE_SECONDS_FILE": "/x", "OPENAI_API_KEY_FILE": "/x"},
        dict.fromkeys(environment.INTERNAL, "x"),
        # Kubernetes and Docker, of services called litellm, redis, slipway and database.
        {
            "LITELLM_SERVICE_HOST": "10.0.0.1",
            "LITELLM_SERVICE_PORT_HTTP": "4000",
            "LITELLM_PORT": "tcp://10.0.0.1:4000",
        },
        {"SLIPWAY_PORT_4000_TCP_ADDR": "10.0.0.1", "DATABASE_PORT_5432_TCP": "tcp://x", "REDIS_ENV_REDIS_VERSION": "7"},
        {"LITELLM_RUST_TOKEN_COUNTING": "false", "prometheus_multiproc_dir": "/x"},
        # Nobody's business.
        {"PATH": "/bin", "KUBERNETES_PORT": "tcp://x", "MY_APP_PROXY_BATCH": "1", "OPENAI_API_KEY_2": "x"},
        {"FAST_LITELLM_ANYTHING": "not in the packages of this test"},
    ],
)
def test_what_is_known_or_not_ours_is_left_alone(variables: dict[str, str]) -> None:
    assert judge(variables) == []


def test_every_name_of_the_launchers_own_is_known() -> None:
    """A new one that its processes tell each other has to be among the internal ones."""
    sources = [*(ROOT / "entrypoint/slipway").rglob("*.py"), *(ROOT / "docker/prisma").glob("*/src/**/*.ts")]
    written = {
        name for path in sources for name in re.findall(r"[\"'](SLIPWAY_[A-Z0-9_]*[A-Z0-9])[\"']", path.read_text())
    }
    assert len(written) > 20
    assert judge(dict.fromkeys(written, "x")) == []


def test_a_name_that_the_config_refers_to_is_the_users_own() -> None:
    assert judge({"REDIS_PASSWORD_PROD": "x"}, "REDIS_PASSWORD_PROD") == []
    assert judge({"REDIS_PASSWORD_PROD": "x"}) != []


def test_a_variable_that_is_read_no_more_is_told_with_what_took_its_place() -> None:
    (finding,) = judge({"SUPERVISORD_STOPWAITSECS": "3600"})
    assert (finding.id, finding.severity) == ("variable-without-effect", "warning")
    assert "REQUEST_TIMEOUT_SECONDS" in finding.fix
    assert judge({"SUPERVISORD_STOPWAITSECS": ""}) == []
    (harmless,) = judge({"USE_PRISMA_MIGRATE": "True"})
    assert harmless.severity == "info"


def test_a_port_that_kubernetes_wrote_is_told() -> None:
    (finding,) = judge({"REDIS_HOST": "redis", "REDIS_PORT": "tcp://10.0.0.1:6379"})
    assert finding.id == "service-link"
    assert "10.0.0.1" not in finding.what
    assert judge({"REDIS_PORT": "tcp://10.0.0.1:6379"}) == []
    assert judge({"REDIS_HOST": "redis", "REDIS_PORT": "6379"}) == []


def test_a_name_that_may_be_a_secret_is_not_shown() -> None:
    (finding,) = judge({f"LITELLM_{SECRET}": "x"})
    assert SECRET not in f"{finding.what}{finding.fix}"


names = any_of.one_of(
    any_of.sampled_from([*environment.PREFIXES, *KNOWN.variables, *environment.GONE]),
    any_of.text(max_size=20),
)


@given(any_of.dictionaries(any_of.lists(names, max_size=3).map("".join), any_of.text(max_size=20), max_size=8))
def test_no_environment_makes_a_traceback(variables: dict[str, str]) -> None:
    assert all(finding.fix for finding in judge(variables))
