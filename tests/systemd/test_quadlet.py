"""The quadlet that `explain --format quadlet` prints, as Debian 13's own generator reads it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support import gateway
from tests.support.lab import Lab, Spec
from tests.systemd.machine import IMAGE

GENERATE = """
mkdir -p /tmp/home/.config/containers/systemd && cp /quadlet /tmp/home/.config/containers/systemd/slipway.container
HOME=/tmp/home QUADLET_UNIT_DIRS=/tmp/home/.config/containers/systemd /usr/libexec/podman/quadlet -user -dryrun
"""


@pytest.fixture(scope="module")
def unit(module_lab: Lab, directory: Path) -> str:
    """What the generator makes of it."""
    folder = directory / "secrets"
    folder.mkdir()
    gateway.write(folder, "LITELLM_MASTER_KEY", gateway.MASTER_KEY)
    spec = gateway.specify(
        directory,
        args=("explain", "--format", "quadlet", "--config", "/etc/slipway/config.yaml"),
        config=None,
        files={
            "/etc/slipway/config.yaml": gateway.write(directory, "config.yaml", gateway.CONFIG),
            "/run/secrets": folder,
        },
        env={"LITELLM_MASTER_KEY": "", "NUM_WORKERS": "2", "REQUEST_TIMEOUT_SECONDS": "100"},
    )
    printed = module_lab.once(spec)
    assert printed.code == 0, printed.output
    assert gateway.MASTER_KEY not in printed.output
    quadlet = gateway.write(directory, "quadlet", printed.stdout)
    done = module_lab.once(Spec(image=IMAGE, entrypoint=("sh", "-c", GENERATE), files={"/quadlet": quadlet}))
    assert done.code == 0, done.output
    assert "unsupported key" not in done.output
    return done.stdout


def test_the_generator_makes_a_hardened_container_of_it(unit: str) -> None:
    (line,) = re.findall(r"^ExecStart=.*podman run .*$", unit, re.MULTILINE)
    for word in (
        "--read-only", "--cap-drop all", "--security-opt=no-new-privileges", "--read-only-tmpfs=false",
        "--user 65532:0", "--publish 127.0.0.1:4000:4000", "--sdnotify=container", "--stop-timeout 140",
        "--secret LITELLM_MASTER_KEY,uid=65532,gid=0,mode=0400", "--env NUM_WORKERS=2",
        "--env SLIPWAY_STOP_GRACE_SECONDS=140", "--userns keep-id:uid=65532,gid=0", "--ulimit core=0:0",
        "--config /etc/slipway/config.yaml",
    ):  # fmt: skip
        assert word in line, (word, line)


def test_its_unit_waits_as_long_as_the_plan_says(unit: str) -> None:
    assert re.search(r"^TimeoutStopSec=150$", unit, re.MULTILINE)
    assert re.search(r"^Restart=always$", unit, re.MULTILINE)
    assert re.search(r"^Type=notify$", unit, re.MULTILINE)
