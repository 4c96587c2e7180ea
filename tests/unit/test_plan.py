"""From settings to the server's command line and environment."""

import itertools
import json
from pathlib import Path

import pytest

from slipway import flags, settings
from slipway.report import ExitCode, Refusal
from slipway.runtime import plan
from slipway.runtime.directories import Directories
from slipway.servers.gunicorn import SETTINGS_VARIABLE
from slipway.servers.options import PASSED, options_of, reasons_of
from slipway.workers import rotation
from slipway.workers.rotation import Limits

DIRECTORIES = Directories(Path("/run/slipway"), Path("/tmp"), ())


def make(argv: list[str], environment: dict[str, str] | None = None) -> plan.Plan:
    command_line = flags.parse(argv)
    resolved = settings.resolve(command_line.given, environment or {}, {})
    if command_line.server:
        resolved = resolved.replaced("SLIPWAY_SERVER", command_line.server, f"flag --run_{command_line.server}")
    return plan.make(resolved, command_line, {}, DIRECTORIES, environment or {})


def following(argv: tuple[str, ...], option: str) -> str:
    return argv[argv.index(option) + 1]


@pytest.mark.parametrize(
    ("argv", "server"),
    [
        ([], "uvicorn"),
        (["--num_workers", "2"], "gunicorn"),
        (["--max_requests_before_restart", "10"], "gunicorn"),
        (["--num_workers", "2", "--run_uvicorn"], "uvicorn"),
        (["--run_hypercorn"], "hypercorn"),
        (["--run_granian"], "granian"),
    ],
)
def test_the_server_is_chosen_by_workers_unless_it_is_asked_for(argv: list[str], server: str) -> None:
    assert make(argv).server == server


def test_uvicorn_gets_each_setting_by_its_own_option() -> None:
    flags_given = {"--num_workers": "3", "--keepalive_timeout": "9", "--limit_concurrency": "7"}
    argv = make(["--run_uvicorn", *(word for pair in flags_given.items() for word in pair)]).argv
    expected = {"--workers": "3", "--timeout-keep-alive": "9", "--limit-concurrency": "7", "--http": "httptools"}
    assert {option: following(argv, option) for option in expected} == expected


@pytest.mark.parametrize("server", ["uvicorn", "gunicorn"])
def test_workers_are_replaced_by_our_rotation_not_the_servers(server: str) -> None:
    flags_given = {"--max_requests_before_restart": "5", "--max_requests_before_restart_jitter": "2"}
    flags_given |= {"--timeout_worker_healthcheck": "8", "--request_timeout": "60"}
    variables = {"SLIPWAY_RECYCLE_MEMORY_MB": "900", "SLIPWAY_RECYCLE_SECONDS": "3600"}
    planned = make([f"--run_{server}", *(word for pair in flags_given.items() for word in pair)], variables)
    limits = Limits.parse(planned.environment[rotation.VARIABLE] or "")
    assert limits == Limits("/run/slipway/workers", 8, 90, requests=5, jitter=2, memory=900_000_000, age=3600)
    assert not any("max-requests" in word for word in planned.argv)


@pytest.mark.parametrize("server", settings.SERVERS)
@pytest.mark.parametrize("name", PASSED)
def test_a_setting_that_is_passed_on_reaches_the_server_or_is_refused_with_the_reason(name: str, server: str) -> None:
    asked = {"SLIPWAY_SSL_CIPHERS": "HIGH", "LITELLM_LOG": "warning"}.get(name, "17")
    variables = {"SLIPWAY_SERVER": server, name: asked}
    if name in options_of(server):
        planned = make([], variables)
        gunicorn = json.loads(planned.environment.get(SETTINGS_VARIABLE) or "{}")
        pairs = [*itertools.pairwise(planned.argv), *((key, str(value)) for key, value in gunicorn.items())]
        assert (options_of(server)[name], asked) in pairs
    else:
        with pytest.raises(Refusal) as refused:
            make([], variables)
        assert reasons_of(server)[name] in str(refused.value)


def test_granian_recycles_by_its_own_options() -> None:
    variables = {"SLIPWAY_RECYCLE_MEMORY_MB": "900", "SLIPWAY_RECYCLE_SECONDS": "3600"}
    planned = make(["--run_granian"], variables)
    assert following(planned.argv, "--workers-lifetime") == "3600"
    assert following(planned.argv, "--workers-max-rss") == "900"
    assert rotation.VARIABLE not in planned.environment


@pytest.mark.parametrize(
    ("argv", "variable"),
    [
        (["--num_workers", "2"], "SLIPWAY_WATCH"),
        (["--run_uvicorn"], "SLIPWAY_RECYCLE_MEMORY_MB"),
        (["--run_uvicorn"], "MAX_REQUESTS_BEFORE_RESTART"),
    ],
)
def test_what_the_supervisor_does_is_refused_without_it(argv: list[str], variable: str) -> None:
    with pytest.raises(Refusal) as refusal:
        make(argv, {variable: "1", "SLIPWAY_SUPERVISOR": "off"})
    assert variable in refusal.value.findings[0].what


def test_the_time_to_stop_follows_from_the_longest_request() -> None:
    planned = make(["--num_workers", "2"], {"REQUEST_TIMEOUT_SECONDS": "60", "SLIPWAY_SETTLE_SECONDS": "10"})
    assert (planned.budget.settle, planned.budget.drain, planned.budget.stop) == (10, 90, 105)
    below = json.loads(planned.environment[SETTINGS_VARIABLE] or "")
    assert (below["request_seconds"], below["graceful_timeout"]) == (60, 90)


def test_gunicorn_takes_flags_on_its_command_line_and_the_rest_below_gunicorn_cmd_args() -> None:
    planned = make(["--num_workers", "2"], {"KEEPALIVE_TIMEOUT": "9"})
    assert following(planned.argv, "--workers") == "2"
    assert "--keep-alive" not in planned.argv
    below = json.loads(planned.environment[SETTINGS_VARIABLE] or "")
    assert (below["keepalive"], below["preload_app"], below["graceful_timeout"]) == (9, True, 630)


@pytest.mark.parametrize(
    "argv",
    [
        ["--run_granian", "--max_requests_before_restart", "5"],
        ["--run_granian", "--keepalive_timeout", "5"],
        ["--run_granian", "--limit_concurrency", "5"],
        ["--run_hypercorn", "--limit_concurrency", "5"],
        ["--run_hypercorn", "--timeout_worker_healthcheck", "5"],
        ["--run_granian", "--timeout_worker_healthcheck", "5"],
        ["--granian_threads", "2"],
        ["--run_gunicorn", "--log_config", "x.ini"],
        ["--max_requests_before_restart_jitter", "5"],
    ],
)
def test_what_a_server_cannot_do_is_refused_with_a_sentence(argv: list[str]) -> None:
    with pytest.raises(Refusal) as refusal:
        make(argv)
    (finding,) = refusal.value.findings
    assert finding.code is ExitCode.CONFIG
    assert argv[-2] in finding.what


def test_the_worker_config_has_every_field_of_litellms_command() -> None:
    content = json.loads(make(["--config", "/c.yaml", "--drop_params"]).environment["WORKER_CONFIG"] or "")
    assert content["config"] == "/c.yaml"
    assert content["drop_params"] is True
    # Left out, LiteLLM's worker would take 600 and True here.
    assert content["request_timeout"] is None
    assert content["add_function_to_prompt"] is False


def test_the_longest_request_is_what_litellm_lets_one_take() -> None:
    content = json.loads(make(["--request_timeout", "30"]).environment["WORKER_CONFIG"] or "")
    assert content["request_timeout"] == 30
    variables = {"REQUEST_TIMEOUT_SECONDS": "30"}
    assert make([], variables).environment["REQUEST_TIMEOUT"] == "30"
    # Their own default, and nobody's wish.
    assert "REQUEST_TIMEOUT" not in make([], {**variables, "REQUEST_TIMEOUT": "20"}).environment
    assert "REQUEST_TIMEOUT" not in make([]).environment


def test_the_users_variable_for_the_config_cannot_override_the_plan() -> None:
    planned = make(["--config", "/c.yaml"], {"CONFIG_FILE_PATH": "/other.yaml"})
    assert "CONFIG_FILE_PATH" not in planned.complete({"CONFIG_FILE_PATH": "/other.yaml"})


def test_loopback_names_join_the_users_no_proxy() -> None:
    assert make([], {"no_proxy": "corp"}).complete({"no_proxy": "corp"})["NO_PROXY"] == "corp,localhost,127.0.0.1,::1"


@pytest.mark.parametrize("workers", ["1", "2"])
def test_workers_share_a_metrics_directory_and_the_users_own_is_kept(workers: str) -> None:
    arguments = ["--num_workers", workers]
    assert make(arguments).environment["PROMETHEUS_MULTIPROC_DIR"] == "/run/slipway/prometheus"
    for name in ("PROMETHEUS_MULTIPROC_DIR", "prometheus_multiproc_dir"):
        own = {name: "/own"}
        complete = make(arguments, own).complete(own)
        assert complete["PROMETHEUS_MULTIPROC_DIR"] == "/own"
        assert "prometheus_multiproc_dir" not in complete
        apart = {**own, "SLIPWAY_SHARED_METRICS": "off"}
        assert (
            not {"PROMETHEUS_MULTIPROC_DIR", "prometheus_multiproc_dir"} & make(arguments, apart).complete(apart).keys()
        )


def test_an_ipv6_host_is_bracketed() -> None:
    assert following(make(["--run_hypercorn", "--host", "::"]).argv, "--bind") == "[::]:4000"
