"""What came from files goes to whoever serves, to nobody else, and changes by a reload alone."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from slipway import core_files, handed_on, secrets
from slipway.report import ExitCode
from slipway.runtime import reload, secret_changes, start
from slipway.runtime.reload import Reload
from slipway.secret_files import Taken
from slipway.workers import configuration, slots
from slipway.workers.environment import take_over

CHECK = 4711
KEY = "sk-0123456789abcdef"


def taken(**values: str) -> Taken:
    return Taken(values, {name: f"file named by {name}_FILE" for name in values})


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    configuration.keep(tmp_path, [], {"KEY": "first", "OLD": "old"})
    return tmp_path


def test_secrets_are_in_force_and_taken_back_with_the_files(kept: Path) -> None:
    configuration.propose(kept, [], {"KEY": "second"})
    assert configuration.secrets_in_force(kept) == {"KEY": "first", "OLD": "old"}
    configuration.accept(kept)
    assert configuration.secrets_in_force(kept) == {"KEY": "second"}
    configuration.mark_written(kept)
    assert configuration.secrets_in_force(kept) == {"KEY": "second"}
    configuration.propose(kept, [], {"KEY": "bad"})
    configuration.accept(kept)
    configuration.revert(kept)
    assert configuration.secrets_in_force(kept) == {"KEY": "second"}
    assert {path.stat().st_mode & 0o777 for path in kept.iterdir() if path.suffix == ".json"} == {0o600}


def test_a_process_takes_over_what_is_in_force_and_forgets_what_is_gone(kept: Path) -> None:
    environment = {slots.WORKERS_VARIABLE: str(kept), "OTHER": "stays"}
    take_over(environment)
    assert environment == {
        slots.WORKERS_VARIABLE: str(kept), "OTHER": "stays", "KEY": "first", "OLD": "old", secrets.HELD: "KEY,OLD",
    }  # fmt: skip
    configuration.propose(kept, [], {"KEY": "second"})
    configuration.accept(kept)
    # As a worker that is forked from it.
    take_over(environment)
    assert (environment["KEY"], environment[secrets.HELD]) == ("second", "KEY")
    assert "OLD" not in environment
    assert environment["OTHER"] == "stays"


def test_without_a_supervisor_the_environment_stays_as_it_is(tmp_path: Path) -> None:
    environment = {slots.WORKERS_VARIABLE: str(tmp_path), "KEY": "x", secrets.FROM_FILES: "KEY"}
    before = dict(environment)
    take_over(environment)
    assert environment == before


def considered(tmp_path: Path, found: Taken, **environment: str) -> start.Start:
    needed = {"LITELLM_MASTER_KEY": KEY, "SLIPWAY_RUNTIME_DIR": str(tmp_path), "SLIPWAY_ALLOW_ROOT": "on"}
    return start.consider([], {**needed, **environment, **found.values}, found, explaining=True)


def test_what_takes_the_launchers_place_is_not_started_with_them(tmp_path: Path) -> None:
    found = taken(LITELLM_MASTER_KEY=KEY, NO_PROXY="example.org")
    begun = considered(tmp_path, found)
    # The plan adds the loopback names, and has the last word.
    assert begun.secrets == {"LITELLM_MASTER_KEY": KEY}
    complete = begun.plan.complete({**found.values, "OTHER": "x"})
    supervisor = start._handed_on(begun, complete, supervised=True)
    assert "LITELLM_MASTER_KEY" not in supervisor
    assert supervisor["NO_PROXY"].startswith("example.org,localhost")
    assert supervisor["OTHER"] == "x"
    # The reload's check finds the plan's NO_PROXY there, and the file.
    assert secrets.of_this_gateway(supervisor) == {"LITELLM_MASTER_KEY", "NO_PROXY"}
    server = start._handed_on(begun, complete, supervised=False)
    assert server["LITELLM_MASTER_KEY"] == KEY
    assert secrets.of_this_gateway(server) == {"LITELLM_MASTER_KEY", "NO_PROXY"}


def test_values_that_are_kept_on_a_disk_are_warned_of(tmp_path: Path) -> None:
    assert "secrets-on-disk" in {one.id for one in considered(tmp_path, taken(KEY="x")).findings}
    assert "secrets-on-disk" not in {one.id for one in considered(tmp_path, taken()).findings}
    off = considered(tmp_path, taken(KEY="x"), SLIPWAY_SUPERVISOR="off")
    assert "secrets-on-disk" not in {one.id for one in off.findings}


@pytest.mark.parametrize(
    ("changed", "config", "environment", "refused"),
    [
        (["LITELLM_SALT_KEY"], {}, {"LITELLM_SALT_KEY": "x"}, True),
        (["LITELLM_SALT_KEY"], {}, {}, True),
        (["LITELLM_MASTER_KEY"], {}, {"LITELLM_SALT_KEY": "x"}, False),
        # Stands in for the salt key.
        (["LITELLM_MASTER_KEY"], {}, {}, True),
        (["OTHER"], {"general_settings": {"master_key": "os.environ/OTHER"}}, {}, True),
        (["LITELLM_MASTER_KEY"], {"general_settings": {"master_key": "os.environ/OTHER"}}, {}, False),
        (["OPENAI_API_KEY", "DATABASE_URL"], {}, {"LITELLM_SALT_KEY": "x"}, False),
    ],
)
def test_a_key_that_only_a_start_can_try_does_not_change_by_a_reload(
    changed: list[str], config: Mapping[str, object], environment: Mapping[str, str], refused: bool
) -> None:
    found = secret_changes.judge(changed, config, environment, database=True)
    assert [(one.id, one.code) for one in found if one.severity == "error"] == (
        [("secret-needs-restart", ExitCode.SECRET)] if refused else []
    )
    assert secret_changes.judge(changed, config, environment, database=False) == []


def test_what_waits_for_a_restart_is_told(tmp_path: Path) -> None:
    found = secret_changes.judge(["PORT", "DRAIN_ENDPOINT_TOKEN", "MY_KEY"], {}, {}, database=False)
    assert [(one.id, one.severity, one.what.split()[0]) for one in found] == [("secret-at-restart", "warning", "PORT")]


def test_changes_are_named_in_order() -> None:
    before, after = {"A": "1", "B": "2", "C": "3"}, {"B": "2", "C": "4", "D": "5"}
    assert secret_changes.between(before, after) == ["A", "C", "D"]


def test_a_changed_secret_is_one_reload(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = {"KEY": "first"}
    checks = []

    def spawn(command: tuple[str, ...]) -> int:
        checks.append(dict(now))
        configuration.propose(tmp_path, [], now)
        return CHECK

    monkeypatch.setattr(reload, "spawn", spawn)
    # The file has changed while the start waited for a database.
    configuration.keep(tmp_path, [], {"KEY": "earlier"})
    watching = Reload(("check",), tmp_path, [], lambda: configuration.accept(tmp_path), secrets=lambda: dict(now))

    def wait(clock: list[float], code: int = 0) -> None:
        for _ in range(60):
            clock[0] += 0.5
            watching.tick(clock[0])
            watching.reaped(CHECK, code)

    clock = [0.0]
    wait(clock)
    assert checks == [{"KEY": "first"}]
    now["KEY"] = "second"
    wait(clock)
    assert checks == [{"KEY": "first"}, {"KEY": "second"}]
    # Gone, and refused: once.
    del now["KEY"]
    wait(clock, 66)
    assert checks == [{"KEY": "first"}, {"KEY": "second"}, {}]
    assert configuration.secrets_in_force(tmp_path) == {"KEY": "second"}


def test_a_helper_gets_what_it_needs_and_no_secret_that_nobody_listed() -> None:
    environment = {
        "PATH": "/bin", "LC_ALL": "C", "PYTHONPATH": "x", "MY_PROVIDER": "secret", "LITELLM_MASTER_KEY": "secret",
        "LITELLM_LOG": "debug", "DATABASE_URL": "secret", "SLIPWAY_PATCH_SETTINGS": "off",
    }  # fmt: skip
    assert handed_on.essentials(environment) == {"PATH": "/bin", "LC_ALL": "C", "PYTHONPATH": "x"}
    wider = handed_on.essentials(environment, names=["DATABASE_URL"], prefixes=("LITELLM_",))
    assert wider.keys() == {"PATH", "LC_ALL", "PYTHONPATH", "DATABASE_URL", "LITELLM_LOG"}
    reading = slots.for_reading({**environment, "PROMETHEUS_MULTIPROC_DIR": "/x", "PROMETHEUS_DISABLE_CREATED": "1"})
    assert "secret" not in reading.values()
    assert "PROMETHEUS_MULTIPROC_DIR" not in reading
    assert "PROMETHEUS_DISABLE_CREATED" in reading


CRASH = """
import os, resource, sys
sys.path[:0] = sys.argv[2].split(":")
from slipway import core_files
os.chdir(sys.argv[1])
core_files.forbid(os.environ)
print(*resource.getrlimit(resource.RLIMIT_CORE), flush=True)
os.abort()
"""


# How many programs have been started before an SDK asks, and afterwards.
PLATFORM = """
import platform, sys
sys.path[:] = sys.argv[1].split(":")
from slipway.workers.environment import ask_platform
started = []
sys.addaudithook(lambda event, arguments: started.append(event) if event == "subprocess.Popen" else None)
ask_platform()
print(len(started))
platform.platform()
print(len(started))
"""


@pytest.mark.parametrize(("wanted", "limits"), [("", "1 1"), ("off", "1 1"), ("on", None)])
def test_a_crash_leaves_no_core_file_unless_it_is_asked_for(tmp_path: Path, wanted: str, limits: str | None) -> None:
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    done = subprocess.run(
        [sys.executable, "-c", CRASH, str(tmp_path), ":".join(sys.path)],
        env={**os.environ, core_files.VARIABLE: wanted},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (hard, hard)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == -signal.SIGABRT
    assert done.stdout.strip() == (limits or f"{hard} {hard}")
    if limits:
        assert list(tmp_path.iterdir()) == []


def test_an_sdk_that_asks_for_the_platform_starts_no_program_with_the_secrets() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PLATFORM, ":".join(sys.path)], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["1", "1"]
