"""Who is replaced and when, with workers that only exist on paper."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from slipway.workers import configuration, record, rotation, tally
from slipway.workers.rotation import Hopeless, Limits, Rotation
from tests.support import records


@dataclass
class Fleet:
    """Workers as numbers; a test announces them, lets them end, and sees whom the rotation signals."""

    directory: Path
    wanted: int = 2
    alive: list[int] = field(default_factory=list)
    told: list[tuple[int, signal.Signals]] = field(default_factory=list)
    now: float = 1000.0
    last: int = 0
    limited: bool = False

    def pids(self) -> list[int]:
        return list(self.alive)

    def add(self) -> int:
        if self.limited:
            raise BlockingIOError(11, "Resource temporarily unavailable")
        self.last += 1
        self.alive.append(self.last)
        return self.last

    def announce(self, pid: int, served: int = 0) -> None:
        records.announce(self.directory, pid, beat=self.now, served=served)

    def beat(self, *pids: int) -> None:
        for pid in pids or self.alive:
            if (self.directory / str(pid)).exists():
                self.announce(pid)

    def end(self, pid: int) -> None:
        self.alive.remove(pid)
        (self.directory / str(pid)).unlink(missing_ok=True)

    def stopped(self) -> list[int]:
        return [pid for pid, which in self.told if which == signal.SIGTERM]


@pytest.fixture
def fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fleet:
    fleet = Fleet(tmp_path)
    monkeypatch.setattr(rotation, "tell", lambda pid, which: fleet.told.append((pid, which)))
    return fleet


def started(fleet: Fleet, **limits: Any) -> Rotation:
    """A rotation whose workers all serve."""
    given = Limits(str(fleet.directory), silence=30, drain=60, **limits)
    turning = Rotation(fleet, given, lambda: fleet.now)
    turning.tick()
    assert len(fleet.alive) == fleet.wanted
    for pid in fleet.alive:
        fleet.announce(pid)
    turning.tick()
    assert turning.complete
    return turning


def turn(turning: Rotation, fleet: Fleet, seconds: float = 0.5) -> None:
    fleet.now += seconds
    turning.tick()


def test_a_worker_that_served_enough_is_told_to_stop_only_when_its_replacement_serves(fleet: Fleet) -> None:
    turning = started(fleet, requests=10)
    fleet.announce(1, served=10)
    turn(turning, fleet)
    assert (fleet.alive, fleet.stopped()) == ([1, 2, 3], [])
    turn(turning, fleet)
    assert (fleet.alive, fleet.stopped()) == ([1, 2, 3], [])
    fleet.announce(3)
    turn(turning, fleet)
    assert fleet.stopped() == [1]


def test_workers_are_replaced_one_at_a_time(fleet: Fleet) -> None:
    turning = started(fleet, requests=10)
    for pid in (1, 2):
        fleet.announce(pid, served=50)
    turn(turning, fleet)
    fleet.announce(3)
    turn(turning, fleet)
    turn(turning, fleet)
    assert (fleet.alive, fleet.stopped()) == ([1, 2, 3], [1])
    fleet.end(1)
    turn(turning, fleet)
    assert fleet.alive == [2, 3, 4]


def test_jitter_spreads_the_limits(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("random.randint", lambda low, high: high)
    turning = started(fleet, requests=10, jitter=5)
    fleet.announce(1, served=14)
    turn(turning, fleet)
    assert fleet.alive == [1, 2]
    fleet.announce(1, served=15)
    turn(turning, fleet)
    assert fleet.alive == [1, 2, 3]


def test_age_and_memory_are_reasons_too(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    turning = started(fleet, age=3600, memory=500)
    monkeypatch.setattr(rotation, "resident", lambda pid: 600 if pid == 2 else 100)
    fleet.now += 61
    fleet.beat()
    turning.tick()
    assert turning._replaces == {3: (2, rotation.Reason.MEMORY)}
    fleet.announce(3)
    turn(turning, fleet)
    fleet.end(2)
    monkeypatch.setattr(rotation, "resident", lambda pid: 100)
    fleet.now += 3600
    fleet.beat()
    turning.tick()
    assert turning._replaces == {4: (1, rotation.Reason.AGE)}


def test_a_fresh_worker_above_the_memory_limit_is_not_replaced_at_once(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rotation, "resident", lambda pid: 600)
    turning = started(fleet, memory=500)
    turn(turning, fleet)
    assert fleet.alive == [1, 2]


def test_a_reload_replaces_every_worker_in_turn_and_does_not_wait_for_their_requests(fleet: Fleet) -> None:
    turning = started(fleet)
    turning.reload()
    turn(turning, fleet)
    assert (fleet.alive, fleet.stopped()) == ([1, 2, 3], [])
    fleet.announce(3)
    turn(turning, fleet)
    assert (fleet.alive, fleet.stopped()) == ([1, 2, 3, 4], [1])
    fleet.announce(4)
    turn(turning, fleet)
    assert fleet.stopped() == [1, 2]
    turn(turning, fleet)
    assert tally.read(fleet.directory).reloads == {"done": 1}


def test_a_reload_that_a_worker_cannot_start_with_leaves_the_others_alone(fleet: Fleet) -> None:
    turning = started(fleet)
    turning.reload()
    turn(turning, fleet)
    fleet.end(3)
    for _ in range(10):
        fleet.beat()
        turn(turning, fleet, 5)
    assert (fleet.alive, fleet.stopped()) == ([1, 2], [])
    assert tally.read(fleet.directory).reloads == {"given_up": 1}


def test_a_reload_that_fails_half_way_is_tried_again_before_it_is_given_up(fleet: Fleet) -> None:
    turning = started(fleet)
    turning.reload()
    turn(turning, fleet)
    fleet.announce(3)
    turn(turning, fleet)
    fleet.end(4)
    for _ in range(4):
        fleet.beat()
        turn(turning, fleet)
    assert 5 in fleet.alive, "one failure is not the configuration's when another worker has started with it"
    fleet.announce(5)
    turn(turning, fleet)
    turn(turning, fleet)
    assert fleet.stopped() == [1, 2]
    assert tally.read(fleet.directory).reloads == {"done": 1}


def propose(fleet: Fleet, text: str) -> None:
    """What the check of a reload does."""
    (fleet.directory / "config.yaml").write_text(text)
    configuration.propose(fleet.directory, [str(fleet.directory / "config.yaml")])


def in_force(fleet: Fleet) -> list[str]:
    return list(configuration.in_force(fleet.directory).values())


def reloading(fleet: Fleet) -> Rotation:
    """Two workers that serve the first configuration, and a third that starts with the second."""
    (fleet.directory / "config.yaml").write_text("first")
    configuration.keep(fleet.directory, [str(fleet.directory / "config.yaml")])
    turning = started(fleet)
    propose(fleet, "second")
    turning.reload()
    turn(turning, fleet)
    assert (fleet.alive, in_force(fleet)) == ([1, 2, 3], ["second"])
    return turning


def test_a_configuration_that_no_worker_could_start_with_is_taken_back(fleet: Fleet) -> None:
    turning = reloading(fleet)
    fleet.end(3)
    turn(turning, fleet)
    assert in_force(fleet) == ["first"]
    assert tally.read(fleet.directory).reloads == {"given_up": 1}


def test_a_worker_of_an_earlier_reload_says_nothing_about_the_next(fleet: Fleet) -> None:
    turning = reloading(fleet)
    propose(fleet, "third")
    turning.reload()
    fleet.end(3)
    turn(turning, fleet)
    assert in_force(fleet) == ["third"]
    assert tally.read(fleet.directory).reloads == {}
    turn(turning, fleet, 5)
    assert fleet.alive == [1, 2, 4]
    fleet.announce(4)
    turn(turning, fleet)
    assert fleet.stopped() == [1]


def test_a_worker_that_starts_with_an_earlier_configuration_proves_nothing(fleet: Fleet) -> None:
    turning = reloading(fleet)
    propose(fleet, "third")
    turning.reload()
    fleet.announce(3)
    turn(turning, fleet)
    assert fleet.stopped() == [1]
    assert fleet.alive == [1, 2, 3, 4]
    fleet.end(4)
    turn(turning, fleet)
    assert in_force(fleet) == ["first"]
    # The third worker's configuration was given up with the one after it.
    fleet.end(1)
    turn(turning, fleet, 5)
    fleet.beat(2, 3)
    fleet.announce(5)
    turn(turning, fleet)
    turn(turning, fleet)
    fleet.announce(6)
    turn(turning, fleet)
    assert fleet.stopped() == [1, 3]


def test_a_reload_that_fails_leaves_the_one_before_it_to_be_finished(fleet: Fleet) -> None:
    turning = reloading(fleet)
    fleet.announce(3)
    turn(turning, fleet)
    assert fleet.stopped() == [1]
    fleet.end(1)
    propose(fleet, "third")
    turning.reload()
    fleet.end(4)
    fleet.beat(2, 3)
    turn(turning, fleet)
    turn(turning, fleet, 5)
    assert fleet.alive == [2, 3, 5]
    fleet.end(5)
    turn(turning, fleet)
    assert in_force(fleet) == ["second"]
    turn(turning, fleet, 5)
    fleet.announce(6)
    fleet.beat(2, 3)
    turn(turning, fleet)
    assert fleet.stopped() == [1, 2]
    fleet.end(2)
    turn(turning, fleet)
    assert tally.read(fleet.directory).reloads == {"given_up": 1, "done": 1}


def test_a_reload_is_not_done_while_the_only_worker_is_blocked(fleet: Fleet) -> None:
    fleet.wanted = 1
    turning = started(fleet)
    propose(fleet, "second")
    turning.reload()
    for _ in range(33):
        fleet.now += 1
        turning.tick()
    assert tally.read(fleet.directory).reloads == {}
    fleet.alive[:] = [pid for pid in fleet.alive if pid != 1]
    (fleet.directory / "1").unlink()
    turn(turning, fleet)
    assert tally.read(fleet.directory).reloads == {}


def test_a_limit_of_processes_costs_a_replacement_and_not_the_gateway(fleet: Fleet) -> None:
    turning = started(fleet, requests=10)
    fleet.limited = True
    fleet.announce(1, served=10)
    for _ in range(20):
        turn(turning, fleet)
    assert (fleet.alive, fleet.told) == ([1, 2], [])
    fleet.limited = False
    for _ in range(80):
        fleet.beat(2)
        fleet.announce(1, served=10)
        turn(turning, fleet)
    assert fleet.alive == [1, 2, 3]


def test_a_killed_worker_is_replaced_at_once_and_counted(fleet: Fleet) -> None:
    turning = started(fleet)
    fleet.end(2)
    turn(turning, fleet)
    assert fleet.alive == [1, 3]
    assert tally.read(fleet.directory).exits == {"killed": 1}


def test_the_worker_to_be_replaced_may_die_before_its_replacement_serves(fleet: Fleet) -> None:
    turning = started(fleet, requests=10)
    fleet.announce(1, served=10)
    turn(turning, fleet)
    fleet.end(1)
    turn(turning, fleet)
    fleet.announce(3)
    turn(turning, fleet)
    turn(turning, fleet)
    assert (fleet.alive, fleet.stopped()) == ([2, 3], [])


def test_a_blocked_worker_shows_where_it_stands_and_is_killed(fleet: Fleet) -> None:
    turning = started(fleet)
    for _ in range(4):
        fleet.beat(2)
        turn(turning, fleet, 10)
    assert fleet.told == [(1, signal.SIGABRT)]
    fleet.beat(2)
    turn(turning, fleet, 4)
    assert fleet.told[-1] == (1, signal.SIGKILL)
    fleet.end(1)
    turn(turning, fleet)
    assert fleet.alive == [2, 3]
    assert tally.read(fleet.directory).exits == {"blocked": 1}


def test_a_container_that_was_paused_kills_nobody_when_it_goes_on(fleet: Fleet) -> None:
    turning = started(fleet)
    turn(turning, fleet, 3600)
    assert fleet.told == []
    fleet.beat()
    turn(turning, fleet)
    assert fleet.told == []


def test_a_worker_that_does_not_finish_in_the_drain_budget_is_killed(fleet: Fleet) -> None:
    turning = started(fleet, requests=10)
    fleet.announce(1, served=10)
    turn(turning, fleet)
    fleet.announce(3)
    turn(turning, fleet)
    fleet.beat()
    turn(turning, fleet, 59)
    assert (1, signal.SIGKILL) not in fleet.told
    turn(turning, fleet, 2)
    assert (1, signal.SIGKILL) in fleet.told


def test_starts_that_fail_are_tried_again_less_and_less_often(fleet: Fleet) -> None:
    turning = started(fleet)
    fleet.end(2)
    starts = []
    for _ in range(200):
        fleet.beat(1)
        turn(turning, fleet, 0.5)
        if len(fleet.alive) > 1:
            starts.append(fleet.now)
            fleet.end(fleet.alive[-1])
    gaps = [later - earlier for earlier, later in pairwise(starts)]
    assert gaps[0] <= 2
    assert max(gaps) <= 31
    assert sorted(gaps) == gaps


def test_when_nobody_serves_and_nobody_can_start_the_server_ends(fleet: Fleet) -> None:
    turning = started(fleet)
    for pid in (1, 2):
        fleet.end(pid)

    def fail(times: int) -> None:
        for _ in range(times):
            turn(turning, fleet, 31)
            for pid in fleet.pids():
                fleet.end(pid)

    with pytest.raises(Hopeless):
        fail(8)


@pytest.mark.parametrize("serving", [(), (1,)])
def test_a_start_that_one_worker_cannot_complete_ends_the_server(fleet: Fleet, serving: tuple[int, ...]) -> None:
    """Killed, as for its memory: the server itself ends only for a worker that says that it cannot start."""
    turning = Rotation(fleet, Limits(str(fleet.directory), silence=30, drain=60), lambda: fleet.now)
    turning.tick()

    def fail(times: int) -> None:
        for _ in range(times):
            fleet.beat()
            for pid in fleet.pids():
                if pid in serving:
                    fleet.announce(pid)
                else:
                    fleet.end(pid)
            turn(turning, fleet, 5)

    with pytest.raises(Hopeless):
        fail(8)


def test_a_first_start_that_always_costs_a_worker_that_serves_ends_the_server(fleet: Fleet) -> None:
    turning = Rotation(fleet, Limits(str(fleet.directory), silence=30, drain=60), lambda: fleet.now)
    turning.tick()
    fleet.announce(1)

    def push_out(times: int) -> None:
        for _ in range(times):
            turn(turning, fleet, 5)
            if len(fleet.alive) == fleet.wanted:
                oldest, newest = fleet.alive
                fleet.announce(newest)
                fleet.end(oldest)

    with pytest.raises(Hopeless):
        push_out(12)


def test_a_first_start_in_which_one_is_killed_again_and_again_and_one_hangs_ends_the_server(fleet: Fleet) -> None:
    turning = Rotation(fleet, Limits(str(fleet.directory), silence=30, drain=60), lambda: fleet.now)
    turning.tick()

    def kill(times: int) -> None:
        for _ in range(times):
            turn(turning, fleet, 5)
            for pid in fleet.pids()[1:]:
                fleet.announce(pid)
                turn(turning, fleet)
                fleet.end(pid)

    with pytest.raises(Hopeless):
        kill(12)


def test_workers_that_fail_together_are_one_failure(fleet: Fleet) -> None:
    fleet.wanted = 8
    turning = Rotation(fleet, Limits(str(fleet.directory), silence=30, drain=60), lambda: fleet.now)
    turning.tick()
    for pid in (1, 2, 3):
        fleet.end(pid)
        turn(turning, fleet, 0.2)
    turn(turning, fleet, 5)
    assert len(fleet.alive) == 8
    for pid in fleet.alive:
        fleet.announce(pid)
    turn(turning, fleet)
    assert turning.complete


def test_limits_survive_their_variable(tmp_path: Path) -> None:
    limits = Limits(str(tmp_path), 30, 630, requests=5, jitter=2, memory=10**9, age=3600)
    assert Limits.parse(limits.text()) == limits


def test_what_a_failed_start_leaves_is_removed(tmp_path: Path) -> None:
    record.Record(tmp_path)
    gone = tmp_path / f".{2**22 + 1}"
    gone.touch()
    record.forget(tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == [f".{os.getpid()}"]


def test_a_record_tells_what_was_true_when_its_worker_was_killed(tmp_path: Path) -> None:
    own = record.Record(tmp_path)
    assert list(record.read(tmp_path)) == []
    own.announce()
    own.fields[record.Field.IN_FLIGHT] += 2
    own.fields[record.Field.ROWS_PENDING] = 7
    (seen,) = record.read(tmp_path)
    assert (seen.in_flight, seen.rows_pending) == (2, 7)
    own.withdraw()
    assert list(record.read(tmp_path)) != [], "a loss was hidden"
    own.fields[record.Field.ROWS_PENDING] = 0
    own.withdraw()
    assert list(record.read(tmp_path)) == []


def test_a_worker_that_blocks_while_it_is_replaced_leaves_no_place_to_fill(fleet: Fleet) -> None:
    turning = started(fleet, requests=10)
    fleet.announce(1, served=11)
    turn(turning, fleet)
    for _ in range(3):
        fleet.beat(2)
        turn(turning, fleet, 10)
    assert fleet.told == [(1, signal.SIGABRT)]
    fleet.announce(3)
    turn(turning, fleet)
    fleet.end(1)
    turn(turning, fleet)
    fleet.end(2)
    turn(turning, fleet)
    assert tally.read(fleet.directory).starts == {"start": 2, "requests": 1, "killed": 1}
