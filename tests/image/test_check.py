"""`check` says what a start would say, and starts nothing."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support import gateway
from tests.support.lab import Lab


def test_a_good_configuration_is_accepted(lab: Lab, directory: Path) -> None:
    args = ("check", "--config", gateway.CONFIG_PATH)
    done = lab.once(gateway.specify(directory, args=args))
    assert done.code == 0, done.output
    assert json.loads(done.stdout) == {"ok": True, "findings": []}
    assert "Started server" not in done.output


def test_a_bad_configuration_is_refused_with_the_code_of_a_start(lab: Lab, directory: Path) -> None:
    args = ("check", "--config", gateway.CONFIG_PATH)
    done = lab.once(gateway.specify(directory, args=args, config="model_list: [\n"))
    assert done.code == 65, done.output
    (finding,) = json.loads(done.stdout)["findings"]
    assert (finding["id"], finding["severity"]) == ("config-yaml", "error")


def test_a_running_gateway_can_be_checked_beside_itself(lab: Lab, directory: Path) -> None:
    running = gateway.start(lab, directory)
    done = running.box.exec(["slipway", "check", "--config", gateway.CONFIG_PATH])
    assert done.code == 0, done.output


def test_a_redis_is_asked_unless_it_is_offline(lab: Lab, directory: Path) -> None:
    config = f"{gateway.CONFIG}router_settings: {{redis_host: 127.0.0.1, redis_port: 1, redis_password: sentinel}}\n"
    for flags, expected in (((), ["redis-unreachable"]), (("--offline",), [])):
        args = ("check", *flags, "--config", gateway.CONFIG_PATH)
        done = lab.once(gateway.specify(directory, args=args, config=config))
        assert done.code == 0, done.output
        assert [finding["id"] for finding in json.loads(done.stdout)["findings"]] == expected
        assert "sentinel" not in done.output
