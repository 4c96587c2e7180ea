"""Who holds which slot, with real processes."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from slipway.workers.slots import Slots

HOLD = """
import sys
from slipway.workers import slots
print(slots.own().name(), flush=True)
sys.stdin.read()
"""
FORK = """
import os
from slipway.workers import slots
own = slots.own()
own.stay_parent()
print(own.name(), flush=True)
for _ in range(2):
    if os.fork() == 0:
        print(own.name(), flush=True)
        os._exit(0)
    os.wait()
"""

KILLED_PARENT = """
import os, select, signal
from slipway.workers import slots
own = slots.own()
print(own.name(), flush=True)
parent = os.pidfd_open(os.getpid())
if os.fork() == 0:
    select.select([parent], [], [])
    print(own.name(), flush=True)
else:
    os.kill(os.getpid(), signal.SIGKILL)
"""
THREADS = """
from concurrent.futures import ThreadPoolExecutor
from slipway.workers import slots
own = slots.own()
with ThreadPoolExecutor(8) as pool:
    print(*{one.result() for one in [pool.submit(own.name) for _ in range(64)]})
"""


class Directory:
    """The slots' directory, the metric files', and the processes that hold slots."""

    def __init__(self, path: Path, processes: ExitStack) -> None:
        self.slots, self.files = path / "slots", path / "files"
        self.files.mkdir()
        self.environment = {**os.environ, "SLIPWAY_WORKERS_DIR": str(path), "PROMETHEUS_MULTIPROC_DIR": str(self.files)}
        self._processes = processes

    def run(self, code: str) -> subprocess.Popen[str]:
        argv = [sys.executable, "-c", code]
        process = subprocess.Popen(argv, env=self.environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._processes.enter_context(process)
        return process

    def holder(self) -> tuple[str, subprocess.Popen[str]]:
        process = self.run(HOLD)
        assert process.stdout is not None
        return process.stdout.readline().strip(), process

    def names(self) -> set[str]:
        return {path.name for path in self.files.iterdir()}


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Directory]:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    with ExitStack() as processes:
        yield Directory(tmp_path, processes)


def test_each_process_alive_has_a_slot_of_its_own_and_the_next_takes_over_a_free_one(directory: Directory) -> None:
    (first, leaving), (second, killed), (third, _) = (directory.holder() for _ in range(3))
    assert [first, second, third] == ["w0", "w1", "w2"]
    leaving.communicate()
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert {directory.holder()[0] for _ in range(3)} == {"w0", "w1", "w3"}


def test_gauges_go_with_their_process_and_counters_stay(directory: Directory) -> None:
    (_, living), (_, dead) = directory.holder(), directory.holder()
    kinds = ("counter", "histogram", "gauge_all", "gauge_livesum", "gauge_max")
    for kind in kinds:
        for slot in ("w0", "w1"):
            (directory.files / f"{kind}_{slot}.db").touch()
    dead.kill()
    dead.wait()
    Slots(directory.slots, directory.files).sweep()
    everything = {f"{kind}_{slot}.db" for kind in kinds for slot in ("w0", "w1")}
    assert directory.names() == everything - {"gauge_all_w1.db", "gauge_livesum_w1.db"}
    living.communicate()
    assert directory.holder()[0] == "w0"
    assert "gauge_all_w0.db" not in directory.names(), "one that takes a slot over shows its predecessor's gauges"


def test_workers_that_are_forked_have_slots_and_the_process_they_come_from_has_none(directory: Directory) -> None:
    output, _ = directory.run(FORK).communicate()
    assert output.split() == ["parent", "w0", "w0"]
    (directory.files / "counter_parent.db").touch()
    (directory.files / "counter_w0.db").touch()
    Slots(directory.slots, directory.files).forget_parent()
    assert directory.names() == {"counter_w0.db"}


def test_a_child_does_not_take_over_the_slot_of_a_parent_that_was_killed(directory: Directory) -> None:
    """prometheus_client would take it for the same process, and write what it knew at the fork."""
    output, _ = directory.run(KILLED_PARENT).communicate()
    assert output.split() == ["w0", "w1"]


def test_threads_of_a_process_share_its_slot(directory: Directory) -> None:
    output, _ = directory.run(THREADS).communicate()
    assert output.split() == ["w0"]
    assert {path.name for path in directory.slots.glob("w*")} == {"w0"}


def test_a_child_does_not_share_its_parents_slot(directory: Directory) -> None:
    output, _ = directory.run(FORK.replace("own.stay_parent()", "")).communicate()
    assert output.split() == ["w0", "w1", "w1"]


def test_a_sweep_waits_for_nobody(directory: Directory) -> None:
    directory.holder()[1].communicate()
    (directory.files / "gauge_all_w0.db").touch()
    slots = Slots(directory.slots, directory.files)
    with open(directory.slots / "leases") as leases:
        fcntl.flock(leases, fcntl.LOCK_EX)
        slots.sweep()
        assert directory.names() == {"gauge_all_w0.db"}
    slots.sweep()
    assert directory.names() == set()
