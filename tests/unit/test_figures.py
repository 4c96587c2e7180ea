"""What the supervisor tells of itself."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from slipway.metrics.families import Family
from slipway.runtime import figures, status
from slipway.runtime.schema import Schema, note
from slipway.runtime.status import Status
from slipway.workers.rotation import Reason
from slipway.workers.tally import Tally
from tests.support import records
from tests.support.assigned import assignment

# A process that runs, and one that does not.
RUNS, GONE = os.getpid(), 2**22 + 1


def shown(directory: Path, **changes: object) -> dict[str, Family]:
    assigned = assignment(directory, **changes)
    state = Status(assigned)
    state.settle()
    found = figures.families(assigned, state, refused=2)
    assert len({family.name for family in found}) == len(found)
    return {family.name: family for family in found}


def values(family: Family) -> dict[str, float]:
    """Values by the one label's."""
    return {next(iter(labels.values()), ""): value for labels, value in family.samples}


@pytest.fixture(autouse=True)
def listening(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status, "_connects", lambda host, port: True)


def test_a_series_is_there_before_its_first_event(tmp_path: Path) -> None:
    found = shown(tmp_path)
    assert values(found["slipway_worker_exits_total"]) == dict.fromkeys(
        ("requests", "memory", "age", "reload", "blocked", "killed"), 0
    )
    assert values(found["slipway_worker_starts_total"]) == dict.fromkeys(map(str, Reason), 0)
    assert values(found["slipway_reloads_total"]) == {"done": 0, "given_up": 0, "refused": 2}
    assert values(found["slipway_schema_info"]) == {"none": 1}


def test_workers_are_shown_by_slot_and_what_the_dead_left_is_lost(tmp_path: Path) -> None:
    now = time.monotonic()
    since = int((now - 60) * 1e9)
    records.announce(
        tmp_path,
        RUNS,
        beat=now - 3,
        since=since,
        slot=4,
        lag=10**8,
        in_flight=2,
        pool_busy=1,
        rows_waiting=since,
        database=2,
    )
    records.announce(tmp_path, GONE, beat=now, slot=1, in_flight=5, rows_pending=7)
    found = shown(tmp_path, build={"version": "1"})
    assert values(found["slipway_spend_rows_waiting_seconds"])["w4"] == pytest.approx(60, abs=5)
    assert values(found["slipway_database_connected"]) == {"w4": 0}
    assert values(found["slipway_requests_in_flight"]) == {"w4": 2}
    assert values(found["slipway_engine_connections_busy"]) == {"w4": 1}
    assert values(found["slipway_worker_age_seconds"])["w4"] == pytest.approx(60, abs=5)
    # It has not shown any progress for three seconds.
    assert values(found["slipway_worker_event_loop_lag_seconds"])["w4"] == pytest.approx(2.5, abs=2)
    assert values(found["slipway_requests_cut_total"]) == {"": 5}
    assert values(found["slipway_spend_rows_lost_total"]) == {"": 7}
    assert values(found["slipway_ready"]) == {"": 1}
    assert found["slipway_build_info"].samples == (({"version": "1"}, 1),)


def test_what_the_rotation_counts_is_shown(tmp_path: Path) -> None:
    tally = Tally(tmp_path)
    tally.count_start("killed")
    tally.count_exit("killed")
    tally.count_failed_start()
    tally.count_reload(done=False)
    tally.configured(3, 1)
    found = shown(tmp_path)
    assert values(found["slipway_worker_starts_total"])["killed"] == 1
    assert values(found["slipway_worker_exits_total"])["killed"] == 1
    assert values(found["slipway_worker_start_failures_total"]) == {"": 1}
    assert values(found["slipway_reloads_total"])["given_up"] == 1
    assert values(found["slipway_config_generation"]) == {"": 3}
    assert values(found["slipway_workers_outdated"]) == {"": 1}


def test_the_schema_is_what_whoever_prepares_it_says(tmp_path: Path) -> None:
    assert values(shown(tmp_path, schema=Schema.PENDING)["slipway_schema_info"]) == {"pending": 1}
    note(tmp_path, Schema.INDEXES)
    assert values(shown(tmp_path, schema=Schema.PENDING)["slipway_schema_info"]) == {"indexes": 1}
