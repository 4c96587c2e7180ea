"""`check` says what a start would say, and starts nothing."""

from __future__ import annotations

from pathlib import Path

from tests.support import gateway
from tests.support.lab import Lab


def test_a_good_configuration_is_accepted(lab: Lab, directory: Path) -> None:
    args = ("check", "--config", gateway.CONFIG_PATH)
    done = lab.once(gateway.specify(directory, args=args))
    assert done.code == 0, done.output
    assert "Started server" not in done.output


def test_a_bad_configuration_is_refused_with_the_code_of_a_start(lab: Lab, directory: Path) -> None:
    args = ("check", "--config", gateway.CONFIG_PATH)
    done = lab.once(gateway.specify(directory, args=args, config="model_list: [\n"))
    assert done.code == 65, done.output
    assert "slipway: error: " in done.stderr
    assert "slipway:   fix: " in done.stderr


def test_a_running_gateway_can_be_checked_beside_itself(lab: Lab, directory: Path) -> None:
    running = gateway.start(lab, directory)
    done = running.box.exec(["slipway", "check", "--config", gateway.CONFIG_PATH])
    assert done.code == 0, done.output
