"""Input that cannot work ends the container before the server starts: its code, what and why, the fix, no secret."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from tests.support import gateway
from tests.support.lab import Finished, Lab

SENTINEL = "sentinel-that-no-output-may-hold"
# The engine's own start of a container counts too, and a loaded machine is slow: a bound, not a claim about time.
END_SECONDS = 60
CONFIG = ("--config", gateway.CONFIG_PATH)


def run(lab: Lab, directory: Path, **how: Any) -> Finished:
    """Run a gateway that must end by itself, with a sentinel in every kind of secret."""
    env = {
        "OPENAI_API_KEY": SENTINEL,
        "DATABASE_PASSWORD": SENTINEL,
        "LITELLM_SALT_KEY": SENTINEL,
        "REDIS_PASSWORD": SENTINEL,
        **how.pop("env", {}),
    }
    return lab.once(gateway.specify(directory, env=env, **how), END_SECONDS)


def assert_refused(done: Finished, code: int, *named: str) -> None:
    assert done.code == code, done.output
    for secret in (SENTINEL, gateway.MASTER_KEY, gateway.PROVIDER_KEY):
        assert secret not in done.output
    assert "Traceback" not in done.output, done.output
    lines = done.stderr.strip().splitlines()
    errors = [index for index, line in enumerate(lines) if line.startswith("slipway: error: ")]
    assert errors, done.stderr
    assert all(lines[index + 1].startswith("slipway:   fix: ") for index in errors), done.stderr
    told = "\n".join(line for index in errors for line in lines[index : index + 2])
    assert [word for word in named if word not in told] == [], done.stderr


@dataclass(frozen=True)
class Case:
    """One bad input: how the gateway is started, the exit code, and what the two lines must name."""

    code: int
    named: Sequence[str]
    args: Sequence[str] = CONFIG
    env: Mapping[str, str] = field(default_factory=dict)
    config: str | None = gateway.CONFIG
    more: Mapping[str, object] = field(default_factory=dict)


BAD_YAML = f"model_list:\n  - model_name: x\n   api_key: {SENTINEL}\n"
CASES = {
    "config-missing": Case(65, ["--config"], args=("--config", "/app/absent.yaml")),
    "config-missing-by-variable": Case(65, ["CONFIG_FILE_PATH"], args=(), env={"CONFIG_FILE_PATH": "/app/absent.yaml"}),
    "config-invalid-yaml": Case(65, ["--config", "line 3"], config=BAD_YAML),
    "config-not-a-mapping": Case(65, ["--config"], config=f"- {SENTINEL}\n"),
    "config-section-of-wrong-shape": Case(65, ["model_list"], config=f"model_list: {SENTINEL}\n"),
    "config-is-a-directory": Case(65, ["directory"], args=("--config", "/app")),
    "config-extension": Case(65, [".yaml"], args=("--config", "/etc/hostname")),
    "server-unknown": Case(65, ["SLIPWAY_SERVER", "uvicorn"], env={"SLIPWAY_SERVER": "apache"}),
    "workers-none": Case(65, ["--num_workers"], args=(*CONFIG, "--num_workers", "0")),
    "workers-none-by-variable": Case(65, ["NUM_WORKERS"], env={"NUM_WORKERS": "0"}),
    "workers-too-many": Case(65, ["--num_workers"], args=(*CONFIG, "--num_workers", "1000000000")),
    "workers-not-a-number": Case(65, ["NUM_WORKERS"], env={"NUM_WORKERS": SENTINEL}),
    "port-out-of-range": Case(65, ["--port"], args=(*CONFIG, "--port", "65536")),
    "tls-key-without-certificate": Case(
        65, ["SSL_CERTFILE_PATH"], args=(*CONFIG, "--ssl_keyfile_path", "/etc/hostname")
    ),
    "tls-certificate-without-key": Case(65, ["SSL_KEYFILE_PATH"], env={"SSL_CERTFILE_PATH": "/etc/hostname"}),
    "flag-unknown": Case(64, ["--num_worker", "--num_workers"], args=(*CONFIG, "--num_worker", "2")),
    "two-servers": Case(64, ["--run_gunicorn", "--run_granian"], args=(*CONFIG, "--run_gunicorn", "--run_granian")),
    "granian-cannot-recycle-by-requests": Case(
        65,
        ["granian", "MAX_REQUESTS_BEFORE_RESTART"],
        args=(*CONFIG, "--run_granian"),
        env={"MAX_REQUESTS_BEFORE_RESTART": "9"},
    ),
    "hypercorn-cannot-limit-concurrency": Case(
        65, ["hypercorn", "LIMIT_CONCURRENCY"], args=(*CONFIG, "--run_hypercorn"), env={"LIMIT_CONCURRENCY": "9"}
    ),
    "gunicorn-refuses-its-variable": Case(
        65, ["GUNICORN_CMD_ARGS"], env={"GUNICORN_CMD_ARGS": f"--{SENTINEL}", "SLIPWAY_SERVER": "gunicorn"}
    ),
    "hook-module-missing": Case(72, ["no_such_module"], env={"LITELLM_WORKER_STARTUP_HOOKS": "no_such_module:init"}),
    "master-key-blank": Case(66, ["LITELLM_MASTER_KEY"], env={"LITELLM_MASTER_KEY": "  "}),
    "master-key-empty": Case(66, ["LITELLM_MASTER_KEY"], env={"LITELLM_MASTER_KEY": ""}),
    "master-key-well-known": Case(66, ["LITELLM_MASTER_KEY"], env={"LITELLM_MASTER_KEY": "sk-1234"}),
    "master-key-well-known-in-config": Case(
        66, ["master_key"], env={"LITELLM_MASTER_KEY": ""}, config="general_settings: {master_key: sk-1234}\n"
    ),
    "nothing-writable": Case(67, [], more={"tmpfs": {}, "ipc": "none"}),
    "runtime-directory-not-writable": Case(67, ["SLIPWAY_RUNTIME_DIR"], env={"SLIPWAY_RUNTIME_DIR": "/etc"}),
    "root": Case(64, ["SLIPWAY_ALLOW_ROOT"], more={"user": "0"}),
    "root-without-hardening": Case(64, ["SLIPWAY_ALLOW_ROOT"], more={"user": "0:0", "read_only": False, "tmpfs": {}}),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_bad_input_is_refused(lab: Lab, directory: Path, case: Case) -> None:
    done = run(lab, directory, args=case.args, env=case.env, config=case.config, **case.more)
    # Shown by `pytest -rP`: how long a refusal takes is reported, never asserted.
    print(f"ended after {done.seconds:.2f} s")
    assert_refused(done, case.code, *case.named)


def test_a_config_that_nobody_may_read_is_refused(lab: Lab, directory: Path) -> None:
    file = gateway.write(directory, "unreadable.yaml", gateway.CONFIG, mode=0o000)
    args = ("--config", "/srv/unreadable.yaml")
    done = run(lab, directory, args=args, config=None, files={"/srv/unreadable.yaml": file})
    assert_refused(done, 65, "--config", "12345")


def test_a_missing_master_key_is_refused_with_a_way_to_make_one(lab: Lab, directory: Path) -> None:
    spec = gateway.specify(directory)
    env = {name: value for name, value in spec.env.items() if name != "LITELLM_MASTER_KEY"}
    done = lab.once(replace(spec, env=env), END_SECONDS)
    assert_refused(done, 66, "LITELLM_MASTER_KEY", "openssl rand")


def test_root_is_allowed_where_it_is_asked_for(lab: Lab, directory: Path) -> None:
    running = gateway.start(lab, directory, env={"SLIPWAY_ALLOW_ROOT": "true"}, user="0:0")
    assert running.ask() == "mocked answer"


@pytest.mark.parametrize(
    ("port", "management", "named"),
    [("4000", "4001", "4000"), ("4100", "4001", "4001"), ("4000", "4101", "4000")],
    ids=["both", "management", "clients"],
)
def test_a_taken_port_is_refused(
    lab: Lab, directory: Path, first: gateway.Gateway, port: str, management: str, named: str
) -> None:
    args = (*CONFIG, "--port", port)
    env = {"SLIPWAY_MANAGEMENT_PORT": management}
    done = run(lab, directory, args=args, env=env, network=f"container:{first.box.name}")
    assert_refused(done, 73, named)
    assert first.ask() == "mocked answer"


@pytest.fixture(scope="module")
def first(module_lab: Lab, directory: Path) -> gateway.Gateway:
    """The gateway whose ports are taken."""
    return gateway.start(module_lab, directory)
