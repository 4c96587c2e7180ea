"""What the commands say of themselves, and with what code they end."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from slipway import cli
from slipway.report import ExitCode
from slipway.runtime import start
from slipway.runtime.assignment import Assignment

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def launched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An environment that a gateway can be planned in; its folder."""
    for name, value in {"SLIPWAY_RUNTIME_DIR": str(tmp_path), "SLIPWAY_ALLOW_ROOT": "on"}.items():
        monkeypatch.setenv(name, value)
    return tmp_path


def test_the_help_says_what_check_prints_and_wants_and_how_to_reload(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--help"]) == ExitCode.DONE
    told = " ".join(capsys.readouterr().out.split())
    assert "text to a terminal, JSON to anything else" in told
    assert "--offline asks no database and needs no secrets" in told
    assert "docker exec NAME slipway reload" in told
    assert "that exit code is check's" in told


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (["reload", "extra"], "reload takes no arguments but --wait."),
        (["reload", "--wait", "extra"], "Leave out all but --wait."),
        (["drain", "--wait"], "drain takes no arguments."),
    ],
)
def test_arguments_that_a_command_does_not_take(argv: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(argv) == ExitCode.USAGE
    assert told in capsys.readouterr().err


def test_explain_ends_with_0_beside_an_error_that_check_ends_with(
    launched: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["explain"]) == ExitCode.DONE
    told = capsys.readouterr()
    assert "[master-key-missing]" in told.err
    assert "Settings\n" in told.out
    assert cli.main(["explain", "--format", "systemd"]) == ExitCode.SECRET
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("argv", "variable", "named"),
    [
        ([], "CONFIG_FILE_PATH", "variable CONFIG_FILE_PATH"),
        ([], "LITELLM_CONFIG", "variable LITELLM_CONFIG"),
        (["--config"], "", "flag --config"),
    ],
)
def test_a_refused_reload_says_who_named_the_config_file(
    launched: Path, argv: list[str], variable: str, named: str
) -> None:
    config = launched / "config.yaml"
    config.write_text("model_list: []\n")
    environment = {
        "LITELLM_MASTER_KEY": "sk-0123456789abcdef", "SLIPWAY_RUNTIME_DIR": str(launched), "SLIPWAY_ALLOW_ROOT": "on",
        **({variable: str(config)} if variable else {}),
    }  # fmt: skip
    begun = start.consider([*argv, *([str(config)] if argv else [])], environment, explaining=True)
    check = Assignment.parse(start.supervised_argv(begun)[-1]).check
    config.write_text("model_list: [\n")
    # What a reload's check gets: the variable is gone (plan.py).
    inherited = {**begun.plan.complete(environment), "PYTHONPATH": str(ROOT / "entrypoint")}
    done = subprocess.run(check, check=False, text=True, capture_output=True, env=inherited)
    assert done.returncode == ExitCode.CONFIG, done.stderr
    assert named in done.stderr
    assert named.startswith("flag") or "flag --config" not in done.stderr
