"""Units of systemd and Podman, of the plan of a start; and what systemd hears."""

from __future__ import annotations

import os
import re
import socket
from pathlib import Path

import pytest

from slipway import cgroup, flags, secret_files, settings
from slipway.report import ExitCode, Refusal
from slipway.runtime import plan, service_manager
from slipway.runtime.acceleration import proof
from slipway.runtime.directories import Directories
from slipway.runtime.service_manager import ServiceManager
from slipway.runtime.start import Start
from slipway.units import parts, quadlet, systemd

ROOT = Path(__file__).resolve().parents[2]


def test_the_unit_sets_what_the_image_sets() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    (written,) = re.findall(r"^ENV (PATH=/opt/slipway/venv.*?[^\\])$", dockerfile, re.MULTILINE | re.DOTALL)
    assert tuple(written.replace("\\\n", " ").split()) == parts.IMAGE


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("plain", "plain"),
        ("", '""'),
        ("two words", '"two words"'),
        ('a "quote"', '"a \\"quote\\""'),
        ("50%", "50%%"),
        ("$HOME", "$HOME"),
        ("two\nlines", '"two\\nlines"'),
        ("back\\slash", '"back\\\\slash"'),
    ],
)
def test_a_word_of_a_unit_is_what_it_was(text: str, written: str) -> None:
    assert parts.quoted(text) == written


def start(*argv: str, environment: dict[str, str] | None = None, database: str | None = None) -> Start:
    directories = Directories(Path("/run/slipway"), Path("/tmp"), ())
    command_line, environment = flags.parse(argv), environment or {}
    resolved = settings.resolve(command_line.given, environment, {})
    planned = plan.make(resolved, command_line, {}, directories, environment)
    return Start(argv, resolved, {}, directories, planned, proof.settle("off", {}), database, (), secret_files.NOTHING)


def line(text: str, key: str) -> str:
    (value,) = re.findall(rf"^{key}=(.*)$", text, re.MULTILINE)
    return str(value)


def test_the_times_follow_from_the_settings() -> None:
    given = start("--request_timeout", "90", environment={"SLIPWAY_SETTLE_SECONDS": "7"})
    assert line(systemd.unit(given), "TimeoutStopSec") == "132"
    assert line(systemd.unit(given), "TimeoutStartSec") == "300"
    assert line(quadlet.container(given), "StopTimeout") == "132"
    # Podman ends after the container does.
    assert line(quadlet.container(given), "TimeoutStopSec") == "142"
    waits = {"SLIPWAY_DATABASE_WAIT_SECONDS": "20", "SLIPWAY_MIGRATE_TIMEOUT_SECONDS": "100"}
    assert line(systemd.unit(start(environment=waits, database="DATABASE_URL")), "TimeoutStartSec") == "420"


@pytest.mark.parametrize(
    "argv",
    [
        ("--headers", '{"x": "hidden"}'),
        ('--headers={"x": "hidden"}',),
        ("--api_base", "https://user:hidden@host/v1"),
        ("--api_base=https://user:hidden@host/v1",),
        ("--alias", "sk-hidden0123456789abcdef"),
    ],
)
def test_a_secret_flag_is_refused(argv: tuple[str, ...]) -> None:
    for write in (systemd.unit, quadlet.container):
        with pytest.raises(Refusal) as refused:
            write(start(*argv))
        (finding,) = refused.value.findings
        assert (finding.id, finding.code) == ("secret-in-unit", ExitCode.SECRET)
        assert "hidden" not in finding.what
        assert argv[0].partition("=")[0] in finding.what


def test_flags_that_only_sound_secret_are_written() -> None:
    text = systemd.unit(start("--max_tokens", "100", "--alias", "a b"))
    assert line(text, "ExecStart") == '/opt/slipway/entrypoint.sh --max_tokens 100 --alias "a b"'


def test_what_may_pass_by_itself_is_tried_again() -> None:
    codes = {int(code) for code in line(systemd.unit(start()), "RestartPreventExitStatus").split()}
    assert codes == set(ExitCode) - {ExitCode.DONE, ExitCode.DATABASE, ExitCode.INTERNAL, ExitCode.PORT}


def test_a_unit_needs_the_supervisor() -> None:
    with pytest.raises(Refusal) as refused:
        systemd.unit(start(environment={"SLIPWAY_SUPERVISOR": "off"}))
    assert refused.value.findings[0].id == "supervisor-needed"


def test_files_of_a_credential_that_is_a_folder_are_taken(tmp_path: Path) -> None:
    (tmp_path / f"{secret_files.CREDENTIAL}_OPENAI_API_KEY").write_text("one\n")
    (tmp_path / "OTHER_KEY").write_text("two")
    taken = secret_files.take({secret_files.DIRECTORY: str(tmp_path)})
    assert taken.values == {"OPENAI_API_KEY": "one", "OTHER_KEY": "two"}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("0::/system.slice/slipway.service\n", "system.slice/slipway.service"),
        ("9:name=systemd:/x\n0::/system.slice/slipway.service\n", "system.slice/slipway.service"),
        ("0::/\n", ""),
        # Of a host whose groups are not to be seen.
        ("0::/docker/abc\n", ""),
        ("0::/../system.slice/slipway.service\n", ""),
        ("4:memory:/docker/abc\n", ""),
    ],
)
def test_a_unit_has_a_memory_limit_of_its_own(tmp_path: Path, content: str, expected: str) -> None:
    (tmp_path / "system.slice/slipway.service").mkdir(parents=True)
    file = tmp_path / "cgroup"
    file.write_text(content)
    assert cgroup.own(tmp_path, file) == tmp_path / expected


def test_a_variable_is_what_it_was_to_whom_it_reaches() -> None:
    given = start("--alias", "$HOME", environment={"SLIPWAY_SSL_CIPHERS": "A$B"})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SLIPWAY_SSL_CIPHERS", "A$B")
        unit, container = systemd.unit(given), quadlet.container(given)
    assert "\nEnvironment=SLIPWAY_SSL_CIPHERS=A$B\n" in unit
    # Podman's generator makes arguments of a command of them.
    assert "\nEnvironment=SLIPWAY_SSL_CIPHERS=A$$B\n" in container
    assert line(unit, "ExecStart").endswith(" --alias $$HOME")


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
    manager.stopping("draining", 40)
    assert listening.heard() == ["STOPPING=1", "EXTEND_TIMEOUT_USEC=40000000", "STATUS=draining"]


def test_a_start_says_how_long_it_may_take_and_leaves_the_rest_to_the_supervisor(
    listening: Manager, tmp_path: Path
) -> None:
    environment = {"NOTIFY_SOCKET": str(tmp_path / "notify")}
    service_manager.prepare(environment, 7)
    assert listening.heard() == ["EXTEND_TIMEOUT_USEC=7000000", "STATUS=preparing the start"]
    assert environment
    service_manager.prepare({}, 7)


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
