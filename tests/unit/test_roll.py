"""What roll.sh tells Compose to do, by a stand-in that writes it down; tests/compose has the real one."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

ROLL = Path(__file__).resolve().parents[2] / "docker" / "compose" / "roll.sh"
# Both gateways are healthy; NAMES are the containers of every service.
COMPOSE = """#!/bin/sh
echo "$*" >> "$CALLS"
case "$*" in
    *.Health*) echo healthy ;;
    *.Name*) printf '%s\\n' $NAMES ;;
esac
"""


def roll(folder: Path, names: str) -> list[str]:
    compose = folder / "compose"
    compose.write_text(COMPOSE)
    compose.chmod(0o755)
    calls = folder / "calls"
    environment = {**os.environ, "COMPOSE": str(compose), "CALLS": str(calls), "NAMES": names}
    done = subprocess.run(["sh", str(ROLL)], check=False, text=True, capture_output=True, env=environment)
    assert done.returncode == 0, done.stderr
    return [line for line in calls.read_text().splitlines() if line.split()[0] in ("stop", "rm", "up")]


def replaced(letter: str, *between: str) -> list[str]:
    return [f"stop gateway-{letter}", *between, f"up --detach --no-deps --wait egress-{letter} gateway-{letter}"]


@pytest.mark.parametrize("names", ["slipway-egress-a-1 slipway-gateway-a-1", "my_project-gateway-a-1", ""])
def test_one_gateway_after_the_other_is_stopped_and_brought_up(tmp_path: Path, names: str) -> None:
    assert roll(tmp_path, names) == [*replaced("a"), *replaced("b")]


@pytest.mark.parametrize(
    "names",
    ["0123456789ab_slipway-gateway-a-1", "slipway-egress-a-1 slipway-gateway-a-1 0123456789ab_slipway-egress-a-1"],
)
def test_what_a_killed_roll_left_under_another_name_is_made_anew_once_it_has_drained(
    tmp_path: Path, names: str
) -> None:
    calls = roll(tmp_path, names)
    assert calls[:3] == replaced("a", "rm --stop --force egress-a gateway-a")
