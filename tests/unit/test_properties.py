"""Whatever the input, a person reads a finding and never a traceback or a secret."""

from __future__ import annotations

import contextlib
import io
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as any_of

from slipway import cli, known
from slipway.flags import PASS_THROUGH
from slipway.report import ExitCode
from slipway.settings import SETTINGS
from tests.support.known import KNOWN

# `make fuzz` raises it; each example is a whole check.
EXAMPLES = int(os.environ.get("SLIPWAY_FUZZ_EXAMPLES") or 100)
# Not written like a name: as a key or a name, too, it is not to be shown.
SENTINEL = "sk-9b1fQ7x2Lw04Zt8"
# Beside the settings, what checks read. Not among them is what has another program asked.
READ = (
    *("DATABASE_URL", "DIRECT_URL", "DATABASE_HOST", "DATABASE_USERNAME", "DATABASE_PASSWORD", "DATABASE_NAME"),
    *("DATABASE_SSLMODE", "DATABASE_SSLROOTCERT", "DATABASE_SCHEMA", "LITELLM_MASTER_KEY", "LITELLM_SALT_KEY"),
    *("LITELLM_WORKER_STARTUP_HOOKS", "GUNICORN_CMD_ARGS", "SERVER_ROOT_PATH", "PROMETHEUS_MULTIPROC_DIR", "NO_PROXY"),
    *("LITELLM_CONFIG_BUCKET_NAME", "USE_PRISMA_MIGRATE", "JSON_LOGS", "TMPDIR"),
)
ASKING = (
    *("SLIPWAY_ACCELERATION", "IAM_TOKEN_DB_AUTH", "AZURE_POSTGRESQL_AUTH", "SLIPWAY_RUNTIME_DIR"),
    # Its own tests have it (test_secret_files.py).
    "SLIPWAY_SECRETS_DIR",
)
NAMES = sorted({*(setting.name for setting in SETTINGS), *READ}.difference(ASKING))
FLAGS = sorted(setting.flag for setting in SETTINGS if setting.flag)
KEYS = (
    *("model_list", "general_settings", "litellm_settings", "router_settings", "environment_variables", "include"),
    *("model_name", "litellm_params", "model", "api_key", "master_key", "database_url", "callbacks", "cache_params"),
    *("database_connection_pool_limit", "request_timeout", "key_management_system", "custom_llm_provider"),
    *sorted({key for keys in KNOWN.sections.values() for key in keys}),
)
# Text as an environment may hold it: any bytes but NUL.
texts = any_of.one_of(
    any_of.sampled_from(["", " ", "0", "-1", "on", "off", "1e9", "nan", "٣", "os.environ/GONE", "/etc/hostname", "/"]),
    any_of.sampled_from(
        [
            SENTINEL,
            f"postgresql://u:{SENTINEL}@h/d",
            "postgresql://[",
            "postgresql://h:99999/",
            "openai/x",
            "a:b,c",
            "--",
        ]
    ),
    any_of.binary(max_size=40).map(lambda raw: os.fsdecode(raw.replace(b"\0", b""))),
    any_of.text(max_size=40).map(lambda text: text.replace("\0", "")).filter(lambda text: text.isprintable()),
)
values: any_of.SearchStrategy[Any] = any_of.recursive(
    any_of.one_of(any_of.none(), any_of.booleans(), any_of.integers(), any_of.floats(), any_of.dates(), texts),
    lambda inner: any_of.one_of(
        any_of.lists(inner, max_size=4),
        any_of.dictionaries(any_of.one_of(any_of.sampled_from(KEYS), texts), inner, max_size=4),
    ),
    max_leaves=12,
)


def section(place: str) -> any_of.SearchStrategy[dict[str, Any]]:
    """A mapping that is almost what LiteLLM reads there."""
    keys = any_of.one_of(any_of.sampled_from(sorted(KNOWN.sections[place])), any_of.sampled_from(KEYS), texts)
    return any_of.dictionaries(keys, values, min_size=1, max_size=4)


parameters = section("model_list[].litellm_params").map(lambda own: {"model": "m", **own})
models = any_of.fixed_dictionaries({"model_name": texts, "litellm_params": parameters})
sections = any_of.fixed_dictionaries(
    {},
    optional={
        "model_list": any_of.lists(models, max_size=2),
        **{place: section(place) for place in ("general_settings", "litellm_settings", "router_settings")},
        "environment_variables": any_of.dictionaries(texts, texts, max_size=2),
    },
)
written = any_of.one_of(sections, sections, section("")).map(
    lambda content: yaml.dump(content, allow_unicode=True).encode(errors="surrogateescape")
)
configs = any_of.one_of(any_of.none(), any_of.binary(max_size=200), written, written, written)
# Most settings have to be good, or no check after them is reached.
good = {setting.name: any_of.sampled_from([*setting.choices, str(setting.default)]) for setting in SETTINGS}
environments = any_of.tuples(
    any_of.dictionaries(any_of.sampled_from(sorted(set(NAMES) - set(good))), texts, max_size=6),
    any_of.fixed_dictionaries({}, optional={name: good[name] for name in sorted(set(good) - set(ASKING))}),
    any_of.one_of(any_of.just({}), any_of.dictionaries(any_of.sampled_from(NAMES), texts, max_size=1)),
).map(lambda parts: {name: value for part in parts for name, value in part.items() if value != "None"})
arguments: any_of.SearchStrategy[list[str]] = any_of.one_of(
    any_of.just([]),
    any_of.just([]),
    any_of.lists(any_of.one_of(any_of.sampled_from([*FLAGS, *PASS_THROUGH]), texts), max_size=4),
)


@contextlib.contextmanager
def only(environment: dict[str, str]) -> Iterator[None]:
    """An environment of these variables alone."""
    before = dict(os.environ)
    try:
        os.environ.clear()
        os.environ.update(environment)
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("any")


@pytest.fixture(autouse=True)
def names(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the image's file says of LiteLLM."""
    monkeypatch.setattr(known, "load", lambda: KNOWN)


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(environment=environments, argv=arguments, config=configs)
@example(environment={"DATABASE_URL": f"postgresql://u:{SENTINEL}@[/d"}, argv=[], config=None)
@example(environment={"LITELLM_MASTER_KEY": SENTINEL}, argv=[], config=f"a: [{SENTINEL}".encode())
@example(
    environment={"DATABASE_HOST": "h", "DATABASE_USERNAME": "\udc80", "DATABASE_NAME": "\udc80"}, argv=[], config=None
)
def test_any_input_is_answered_by_findings(
    place: Path, environment: dict[str, str], argv: list[str], config: bytes | None
) -> None:
    file = place / "config.yaml"
    file.write_bytes(config or b"")
    given = ["check", "--offline", "--format", "json", *argv, *(() if config is None else ("--config", str(file)))]
    out, err = io.StringIO(), io.StringIO()
    secrets = {"LITELLM_SALT_KEY": SENTINEL, "OPENAI_API_KEY": SENTINEL, "DATABASE_PASSWORD": SENTINEL}
    # Root has the tests; the gateway's own directory is the same each time.
    fixed = {"SLIPWAY_RUNTIME_DIR": str(place), "SLIPWAY_ALLOW_ROOT": "on", "PATH": os.environ["PATH"]}
    with only({**secrets, **environment, **fixed}), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = cli.main(given)
    told = out.getvalue() + err.getvalue()
    assert code in set(ExitCode) - {ExitCode.INTERNAL}, told
    # The linter turns its own failures into a finding.
    assert "Traceback" not in told
    assert "check-failed" not in told
    assert SENTINEL not in told
    if code not in (ExitCode.USAGE, ExitCode.DONE):
        assert json.loads(out.getvalue())["ok"] is False
