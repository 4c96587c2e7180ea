"""The count of what has been answered and is not in the database."""

from __future__ import annotations

import asyncio

import pytest

from slipway.runtime.accounting.flush import Alarm
from slipway.runtime.accounting.ledger import Ledger
from slipway.runtime.accounting.requests import counted, current
from tests.support.loop import run


async def handler(ledger: Ledger, row: str | None, problem: BaseException | None = None) -> None:
    """What LiteLLM does after an answer: a row is queued, or not, and other work follows."""
    await asyncio.sleep(0)
    if row is not None:
        ledger.queue([row], current.get())
    await asyncio.sleep(0)
    if problem is not None:
        raise problem


def test_a_request_is_counted_once_from_answer_to_row() -> None:
    ledger, seen = Ledger(), list[tuple[int, int]]()
    ledger.observe(lambda pending, lost, _: seen.append((pending, lost)))
    run(counted(ledger.due(), handler(ledger, "a")))
    assert ledger.pending == 1
    assert not ledger.busy
    ledger.store(["a"])
    assert {pending for pending, _ in seen} == {0, 1}
    assert seen[-1] == (0, 0)


def test_rows_wait_as_long_as_none_of_them_is_written() -> None:
    ledger = Ledger()
    assert not ledger.waiting
    ledger.queue(["a"])
    first = ledger.waiting
    ledger.queue(["b"])
    assert ledger.waiting == first > 0
    ledger.store(["a"])
    assert ledger.waiting > first
    ledger.give_up(["b"])
    assert not ledger.waiting


def test_it_is_counted_from_the_making_of_the_handler_on() -> None:
    ledger = Ledger()
    due = ledger.due()
    coroutine = counted(due, handler(ledger, None))
    assert ledger.pending == 1
    run(coroutine)
    assert ledger.pending == 0
    assert ledger.lost == 0


def test_a_handler_that_fails_before_the_row_loses_it() -> None:
    ledger = Ledger()
    for row, lost in ((None, 1), ("a", 1)):
        with pytest.raises(ValueError, match="no"):
            run(counted(ledger.due(), handler(ledger, row, ValueError("no"))))
        assert ledger.lost == lost
    assert ledger.pending == 1


def test_a_second_handler_of_the_same_request_does_not_end_the_count() -> None:
    ledger = Ledger()
    due = ledger.due()
    first, second = counted(due, handler(ledger, "a")), counted(due, handler(ledger, None))
    run(second)
    assert due.open
    run(first)
    assert not due.open
    assert ledger.pending == 1


def test_a_handler_that_is_made_and_not_run_is_forgotten() -> None:
    ledger = Ledger()
    ledger.due()
    assert ledger.pending == 0


def test_rows_that_come_back_are_counted_once_and_given_up_once() -> None:
    ledger = Ledger()
    ledger.queue(["a", "b"])
    ledger.queue(["a"])
    assert ledger.pending == 2
    ledger.give_up(["a", "c"])
    ledger.give_up(["a"])
    assert (ledger.pending, ledger.lost) == (1, 1)


def test_an_alarm_rings_once_for_all_rows_that_came_meanwhile() -> None:
    rung: list[object] = []

    async def rows() -> None:
        alarm = Alarm(0.01, rung.append)
        for _ in range(3):
            alarm.set("client")
        while not rung:
            await asyncio.sleep(0)
        alarm.set("again")
        while len(rung) < 2:
            await asyncio.sleep(0)

    run(asyncio.wait_for(rows(), 5))
    assert rung == ["client", "again"]
