"""What works with the upstream image works with this one, unchanged."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support import gateway
from tests.support.gateway import Gateway
from tests.support.lab import Lab, Spec, wait_until
from tests.support.processes import server_of, tree, workers_of

UPSTREAM_ARGS = ("--config", gateway.CONFIG_PATH, "--port", "4000", "--num_workers", "2", "--run_gunicorn")
ABSENT_VARIABLE = "A_VARIABLE_THAT_NOBODY_SET"
LOCAL_SWITCHES = (
    "LITELLM_LOCAL_MODEL_COST_MAP",
    "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS",
    "LITELLM_LOCAL_AUTOROUTER_PRESETS",
    "LITELLM_LOCAL_BLOG_POSTS",
    "LITELLM_LOCAL_POLICY_TEMPLATES",
)
CONFIG = f"""{gateway.CONFIG}
  - model_name: incomplete
    litellm_params:
      model: openai/incomplete
      api_key: os.environ/{ABSENT_VARIABLE}
"""


def config_with(model: str) -> str:
    return f"model_list: [{{model_name: {model}, litellm_params: {{model: openai/x, mock_response: x, api_key: x}}}}]\n"


@pytest.fixture(scope="module")
def upstream_way(module_lab: Lab, directory: Path) -> Gateway:
    env = {"GUNICORN_CMD_ARGS": "--pid /tmp/gunicorn.pid"}
    return gateway.start(module_lab, directory, args=UPSTREAM_ARGS, config=CONFIG, env=env, harden=False)


@pytest.fixture(scope="module")
def litellm_version(upstream_way: Gateway) -> str:
    return upstream_way.box.python("import importlib.metadata as m; print(m.version('litellm'))").strip()


def test_upstreams_arguments_start_gunicorn_with_two_workers(upstream_way: Gateway) -> None:
    assert upstream_way.ask() == "mocked answer"
    found = tree(upstream_way.box)
    assert len(workers_of(found, server_of(found, "gunicorn"), 2)) == 2


def test_gunicorns_own_variable_is_honoured(upstream_way: Gateway) -> None:
    found = tree(upstream_way.box)
    pid = upstream_way.box.exec(["cat", "/tmp/gunicorn.pid"]).output.strip()
    assert pid == str(server_of(found, "gunicorn").pid)


def test_a_reference_to_a_missing_variable_is_a_warning_with_its_place(upstream_way: Gateway) -> None:
    lines = [line for line in upstream_way.box.logs().splitlines() if ABSENT_VARIABLE in line]
    assert any("warning" in line.lower() and "model_list" in line for line in lines), lines


def test_health_asks_the_running_gateway(upstream_way: Gateway, lab: Lab) -> None:
    done = lab.once(
        Spec(command=("--health",), network=f"container:{upstream_way.box.name}", env=gateway.environment())
    )
    assert done.code == 0, done.output
    assert "{" in done.stdout


def test_the_image_has_a_healthcheck_that_becomes_healthy(upstream_way: Gateway) -> None:
    wait_until("the status healthy", lambda: upstream_way.box.health == "healthy", 120)


@pytest.mark.parametrize("command", [("--version",), ("litellm", "--version")], ids=["flag", "own command line"])
def test_version_is_that_of_litellm(lab: Lab, litellm_version: str, command: tuple[str, ...]) -> None:
    done = lab.once(Spec(command=command))
    assert done.code == 0, done.output
    assert litellm_version in done.stdout


def test_a_foreign_command_runs_unchanged(lab: Lab) -> None:
    done = lab.once(Spec(command=("bash", "-c", "echo hi; exit 3")))
    assert (done.stdout, done.code) == ("hi\n", 3)


def test_a_foreign_command_is_the_child_of_tini(lab: Lab) -> None:
    done = lab.once(Spec(command=("bash", "-c", "cat /proc/$PPID/comm")))
    assert done.stdout == "tini\n"


@pytest.mark.parametrize("variable", ["CONFIG_FILE_PATH", "LITELLM_CONFIG"])
def test_a_variable_names_the_config(lab: Lab, directory: Path, variable: str) -> None:
    file = gateway.write(directory, "by-variable.yml", config_with("by-variable"))
    files = {"/srv/by-variable.yml": file}
    env = {variable: "/srv/by-variable.yml"}
    running = gateway.start(lab, directory, args=(), config=None, files=files, env=env)
    assert running.models() == {"by-variable"}


def test_a_flag_beats_its_variable(lab: Lab, directory: Path) -> None:
    files = {
        "/srv/flag.yaml": gateway.write(directory, "flag.yaml", config_with("by-flag")),
        "/srv/variable.yaml": gateway.write(directory, "variable.yaml", config_with("by-variable")),
    }
    env = {
        "CONFIG_FILE_PATH": "/srv/variable.yaml",
        "LITELLM_CONFIG": "/srv/variable.yaml",
        "PORT": "4444",
        "NUM_WORKERS": "3",
    }
    args = ("--config", "/srv/flag.yaml", "--port", "4000", "--num_workers", "1")
    running = gateway.start(lab, directory, args=args, config=None, files=files, env=env)
    assert running.models() == {"by-flag"}
    found = tree(running.box)
    assert len(workers_of(found, server_of(found, "uvicorn"), 1)) == 1


def test_explain_tells_settings_argv_environment_and_patches_without_a_secret(lab: Lab, directory: Path) -> None:
    sentinel = "explain-sentinel"
    env = {
        "NUM_WORKERS": "2",
        "LITELLM_SALT_KEY": sentinel,
        "REDIS_PASSWORD": sentinel,
        "REDIS_URL": f"redis://:{sentinel}@redis:6379/0",
        "DATABASE_URL": f"postgresql://litellm:{sentinel}@db/litellm",
    }
    args = ("explain", "--format", "json", "--config", gateway.CONFIG_PATH)
    done = lab.once(gateway.specify(directory, args=args, env=env))
    assert done.code == 0, done.output
    for secret in (gateway.MASTER_KEY, gateway.PROVIDER_KEY, sentinel):
        assert secret not in done.output
    told = json.loads(done.stdout)
    assert {"settings", "argv", "environment", "patches"} <= set(told)
    assert all(set(setting) == {"value", "source"} for setting in told["settings"].values())
    assert all(set(patch) == {"name", "state", "why"} for patch in told["patches"])
    assert told["settings"]["NUM_WORKERS"] == {"value": 2, "source": "variable NUM_WORKERS"}
    assert told["settings"]["CONFIG_FILE_PATH"] == {"value": gateway.CONFIG_PATH, "source": "flag --config"}
    assert told["settings"]["PORT"] == {"value": 4000, "source": "default"}
    assert told["database"] == "variable DATABASE_URL"
    assert "gunicorn" in " ".join(told["argv"])


def test_production_mode_and_local_data_are_on(upstream_way: Gateway) -> None:
    server = server_of(tree(upstream_way.box), "gunicorn")
    environment = upstream_way.box.exec(["cat", f"/proc/{server.pid}/environ"]).output.split("\0")
    expected = {"LITELLM_MODE=PRODUCTION", *(f"{switch}=True" for switch in LOCAL_SWITCHES)}
    assert expected - set(environment) == set()


def test_slipway_version_names_litellm_too(lab: Lab, litellm_version: str) -> None:
    done = lab.once(Spec(command=("slipway", "version")))
    assert done.code == 0, done.output
    assert litellm_version in done.stdout


def test_gunicorns_variable_decides_how_many_workers_readiness_waits_for(lab: Lab, directory: Path) -> None:
    env = {"GUNICORN_CMD_ARGS": "--workers 2 --bind 0.0.0.0:4000", "SLIPWAY_SERVER": "gunicorn", "NUM_WORKERS": "3"}
    running = gateway.start(lab, directory, env=env)
    found = tree(running.box)
    assert len(workers_of(found, server_of(found, "gunicorn"), 2)) == 2
