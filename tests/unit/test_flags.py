"""LiteLLM's command line, as the launcher takes it."""

import pytest

from slipway import flags
from slipway.report import ExitCode, Refusal


def refused(argv: list[str]) -> Refusal:
    with pytest.raises(Refusal) as refusal:
        flags.parse(argv)
    return refusal.value


def test_upstreams_usual_command_line() -> None:
    parsed = flags.parse(["--config", "/app/config.yaml", "--port=4000", "--num_workers", "2", "--run_gunicorn"])
    assert parsed.given == {"--config": "/app/config.yaml", "--port": "4000", "--num_workers": "2"}
    assert parsed.server == "gunicorn"


def test_fields_of_the_worker_config_are_typed() -> None:
    parsed = flags.parse(["-m", "gpt", "--temperature", "0.5", "--headers", '{"a": "b"}', "--drop_params"])
    assert parsed.worker == {"model": "gpt", "temperature": 0.5, "headers": {"a": "b"}, "drop_params": True}


def test_a_switch_becomes_the_variable_litellm_reads() -> None:
    assert flags.parse(["--iam_token_db_auth"]).environment == {"IAM_TOKEN_DB_AUTH": "True"}


def test_flags_without_effect_are_accepted_and_named() -> None:
    assert flags.parse(["--telemetry", "False", "--local"]).ignored == ("--telemetry", "--local")


def test_an_unknown_flag_gets_the_nearest_one_and_its_value_is_not_shown() -> None:
    refusal = refused(["--num_worker=sentinel"])
    (finding,) = refusal.findings
    assert finding.code is ExitCode.USAGE
    assert "--num_worker." in finding.what
    assert "--num_workers" in finding.fix
    assert "sentinel" not in finding.what + finding.fix


def test_a_flag_of_another_command_is_named_with_it() -> None:
    assert "migrate --dry-run?" in refused(["--dryrun"]).findings[0].fix
    assert "explain --format, or check --format?" in refused(["--format"]).findings[0].fix


@pytest.mark.parametrize("argv", [["--port"], ["stray"], ["--run_gunicorn", "--run_granian"], ["--use_prisma_db_push"]])
def test_wrong_usage(argv: list[str]) -> None:
    assert refused(argv).findings[0].code is ExitCode.USAGE


@pytest.mark.parametrize("argv", [["--headers", "{sentinel"], ["--max_tokens", "sentinel"]])
def test_an_invalid_worker_value_is_refused_without_showing_it(argv: list[str]) -> None:
    finding = refused(argv).findings[0]
    assert finding.code is ExitCode.CONFIG
    assert "sentinel" not in finding.what + finding.fix


def test_an_abbreviated_flag_is_unknown() -> None:
    assert "--config" in refused(["--conf", "x"]).findings[0].fix


@pytest.mark.parametrize(
    ("argument", "meant"),
    [("--bogus", ""), ("--x", ""), ("-p", ""), ("--offlin", "check --offline?"), ("--workers", "--num_workers?")],
)
def test_only_what_is_near_is_suggested(argument: str, meant: str) -> None:
    (finding,) = refused([argument]).findings
    assert finding.fix == f"{f'Did you mean {meant} ' if meant else ''}--help lists the flags."
