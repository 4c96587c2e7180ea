"""What probes and figures say, from records of workers."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from slipway.runtime import status
from slipway.runtime.status import Status
from slipway.workers.record import Database
from tests.support import records
from tests.support.assigned import assignment

# A process that runs, and one that does not.
RUNS = os.getpid()
GONE = 2**22 + 1


def looking_at(directory: Path, *, workers: int = 1, needs_database: bool = True) -> Status:
    return Status(assignment(directory, workers=workers, needs_database=needs_database))


def announce(directory: Path, pid: int, *, age: float = 0, database: int = Database.CONNECTED, **counts: int) -> None:
    records.announce(directory, pid, beat=time.monotonic() - age, database=database, **counts)


@pytest.fixture(autouse=True)
def listening(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status, "_connects", lambda host, port: True)


def test_ready_is_when_all_workers_have_started_and_one_serves(tmp_path: Path) -> None:
    state = looking_at(tmp_path, workers=2)
    assert state.ready() == "starting"
    announce(tmp_path, RUNS)
    assert state.ready() == "starting"
    announce(tmp_path, os.getppid())
    assert state.ready() == "ready"
    (tmp_path / str(os.getppid())).unlink()
    assert state.ready() == "ready", "readiness drops each time a worker is replaced"


@pytest.mark.parametrize(("needs", "expected"), [(True, "database away"), (False, "ready")])
def test_a_database_that_is_away_counts_where_it_is_needed(tmp_path: Path, needs: bool, expected: str) -> None:
    state = looking_at(tmp_path, needs_database=needs)
    announce(tmp_path, RUNS, database=Database.AWAY)
    assert state.ready() == expected
    assert state.live() == "alive"


def test_one_worker_that_reaches_the_database_is_enough(tmp_path: Path) -> None:
    state = looking_at(tmp_path)
    announce(tmp_path, RUNS, database=Database.AWAY)
    announce(tmp_path, os.getppid())
    assert state.ready() == "ready"


def test_without_progress_the_gateway_is_first_not_ready_and_much_later_not_alive(tmp_path: Path) -> None:
    state = looking_at(tmp_path)
    announce(tmp_path, RUNS, age=31)
    assert (state.ready(), state.live()) == ("blocked", "alive")
    announce(tmp_path, RUNS, age=91)
    fresh = looking_at(tmp_path)
    fresh.look()
    assert fresh.live() == "blocked"


def test_an_only_worker_that_was_killed_does_not_make_the_gateway_dead(tmp_path: Path) -> None:
    state = looking_at(tmp_path)
    announce(tmp_path, RUNS)
    assert state.ready() == "ready"
    (tmp_path / str(RUNS)).unlink()
    assert (state.ready(), state.live()) == ("starting", "alive")


def test_draining_is_not_ready_and_alive(tmp_path: Path) -> None:
    state = looking_at(tmp_path)
    announce(tmp_path, RUNS, age=500)
    state.look()
    state.draining = True
    assert (state.ready(), state.live()) == ("draining", "alive")


def test_what_a_dead_worker_left_undone_is_lost_once(tmp_path: Path) -> None:
    state = looking_at(tmp_path)
    announce(tmp_path, GONE, in_flight=3, cut=1, rows_pending=7, rows_lost=2)
    announce(tmp_path, RUNS, in_flight=5, cut=1, rows_pending=9, rows_lost=1)
    state.settle()
    state.settle()
    assert state.losses() == (3 + 1 + 1, 7 + 2 + 1)
    assert not (tmp_path / str(GONE)).exists()
