"""Units of systemd and Podman, of the plan of a start; and what systemd hears."""

from __future__ import annotations

import os
import re
import socket
from pathlib import Path

import pytest

from slipway.runtime.service_manager import ServiceManager
from slipway.units import parts, systemd

ROOT = Path(__file__).resolve().parents[2]


def test_the_unit_sets_what_the_image_sets() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    (written,) = re.findall(r"^ENV (PATH=/opt/slipway/venv.*?[^\\])$", dockerfile, re.MULTILINE | re.DOTALL)
    assert tuple(written.replace("\\\n", " ").split()) == systemd._IMAGE


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("plain", "plain"),
        ("", '""'),
        ("two words", '"two words"'),
        ('a "quote"', '"a \\"quote\\""'),
        ("50%", "50%%"),
        ("$HOME", "$$HOME"),
        ("back\\slash", '"back\\\\slash"'),
    ],
)
def test_a_word_of_a_unit_is_what_it_was(text: str, written: str) -> None:
    assert parts.quoted(text) == written


class Manager:
    """The socket that systemd listens on."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))
        self.socket.setblocking(False)

    def heard(self) -> list[str]:
        found = []
        while True:
            try:
                found += self.socket.recv(4096).decode().split("\n")
            except BlockingIOError:
                return found


@pytest.fixture
def listening(tmp_path: Path) -> Manager:
    return Manager(tmp_path / "notify")


def told(tmp_path: Path, **more: str) -> tuple[ServiceManager, dict[str, str]]:
    environment = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "KEPT": "yes", **more}
    return ServiceManager(environment), environment


def test_ready_is_said_once_and_the_state_each_time(listening: Manager, tmp_path: Path) -> None:
    manager, environment = told(tmp_path)
    assert environment == {"KEPT": "yes"}
    for state in ("starting", "ready", "database away", "ready"):
        manager.state(state)
    assert listening.heard() == [
        "STATUS=starting", "STATUS=ready", "READY=1", "STATUS=database away", "STATUS=ready"
    ]  # fmt: skip
    manager.stopping("draining")
    assert listening.heard() == ["STOPPING=1", "STATUS=draining"]


def test_life_is_shown_twice_as_often_as_it_must_and_only_while_there_is_some(
    listening: Manager, tmp_path: Path
) -> None:
    manager, environment = told(tmp_path, WATCHDOG_USEC="4000000", WATCHDOG_PID=str(os.getpid()))
    assert environment == {"KEPT": "yes"}
    for now, alive in ((0.0, True), (1.0, True), (2.0, True), (4.0, False), (6.0, True)):
        manager.watch(now, lambda alive=alive: alive)  # type: ignore[misc]
    assert listening.heard() == ["WATCHDOG=1"] * 3


def test_nobody_is_told_where_nobody_listens_or_another_process_is_watched(tmp_path: Path) -> None:
    manager, _ = told(tmp_path, WATCHDOG_USEC="4000000", WATCHDOG_PID="1")
    manager.state("ready")
    manager.watch(0.0, lambda: pytest.fail("somebody else is watched"))
    ServiceManager({}).state("ready")
