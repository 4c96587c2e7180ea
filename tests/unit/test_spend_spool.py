"""Records that outlive the worker that made them."""

from __future__ import annotations

import fcntl
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from slipway.runtime.accounting import takeover
from slipway.runtime.accounting.journal import ROW, SUMS, Journal
from slipway.runtime.accounting.spool import Spool, abandoned, read
from tests.support.loop import run


def die(spool: Spool) -> None:
    """What the kernel does to a worker that is killed."""
    os.close(spool._lock)


def left(root: Path) -> list[dict[str, list[object]]]:
    found = []
    for each in abandoned(root):
        found.append(each.records)
        each.remove()
    return found


def test_what_was_not_done_is_taken_over_once(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    for id in ("a", "b", "c"):
        assert spool.put("row", id, {"id": id})
    assert spool.put("sums", "a", {"sum": 1})
    spool.done("row", ["b", "unknown"])
    assert left(tmp_path) == [], "it lives"
    die(spool)
    assert left(tmp_path) == [{"row": [{"id": "a"}, {"id": "c"}], "sums": [{"sum": 1}]}]
    assert left(tmp_path) == []


def test_what_was_noted_about_a_record_is_in_it(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    for id in ("a", "b"):
        spool.put("sums", id, {"id": id})
    spool.note("sums", ["a", "unknown"], "key")
    spool.note("sums", ["a", "b"], "team")
    assert read(spool.directory) == {"sums": [{"id": "a", "parts": ["key", "team"]}, {"id": "b", "parts": ["team"]}]}


def test_only_one_taker_gets_it(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.put("row", "a", {})
    die(spool)
    other = os.open(spool.directory / "lock", os.O_RDWR)
    fcntl.flock(other, fcntl.LOCK_EX)
    assert left(tmp_path) == []
    os.close(other)
    assert len(left(tmp_path)) == 1


def test_segments_go_when_everything_in_them_is_done(tmp_path: Path) -> None:
    spool = Spool(tmp_path, segment=100)
    ids = [str(number) for number in range(20)]
    for id in ids:
        spool.put("row", id, "x" * 50)
    assert len(list(spool.directory.glob("*.jsonl"))) > 3
    spool.done("row", ids[:-1])
    assert read(spool.directory) == {"row": ["x" * 50]}
    spool.done("row", ids[-1:])
    assert spool.size == 0
    assert [path.stat().st_size for path in spool.directory.glob("*.jsonl")] == [0]


def test_the_limit_and_a_failing_disk_leave_records_out_and_raise_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    spool = Spool(tmp_path, limit=100)
    assert spool.put("row", "a", "x" * 40)
    assert not spool.put("row", "b", "x" * 90)

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    assert not spool.put("row", "c", "x")
    spool.done("row", ["a", "b", "c"])
    assert capfd.readouterr().err.count("could not keep") == 1


def test_an_id_that_comes_twice_is_done_once(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    for id in ("a", "a", "b"):
        assert spool.put("row", id, {"id": id})
    spool.done("row", ["a", "a"])
    assert read(spool.directory) == {"row": [{"id": "b"}]}


def test_what_is_set_aside_is_kept_and_not_taken_over(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.put("sums", "a", {"sum": 1})
    die(spool)
    (place,) = [each.set_aside() for each in abandoned(tmp_path)]
    assert left(tmp_path) == []
    assert read(place) == {"sums": [{"sum": 1}]}


def test_a_line_that_was_cut_off_is_skipped(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.put("row", "a", {"at": datetime(2026, 1, 1, tzinfo=UTC)})
    with next(spool.directory.glob("*.jsonl")).open("a") as file:
        file.write('["row", "b", {"half')
    assert read(spool.directory) == {"row": [{"at": "2026-01-01T00:00:00+00:00"}]}


def test_the_journal_keeps_a_share_until_a_writing_that_began_after_it_was_added(tmp_path: Path) -> None:
    journal = Journal()
    assert not journal.row("a", {})
    assert journal.share({"payload": {}}) is None
    journal.spool = Spool(tmp_path)
    assert journal.row("a", {"request_id": "a"})
    arguments = {"prisma_client": object(), "response_cost": 1.5, "payload": {"request_id": "a", "messages": "secret"}}
    first, second = journal.share(arguments), journal.share(arguments)
    journal.added(first)
    writing = journal.writing()
    journal.added(second)
    journal.wrote(writing)
    journal.written(["a"])
    kept = {"response_cost": 1.5, "payload": {"request_id": "a"}}
    assert read(journal.spool.directory) == {SUMS: [kept]}
    assert ROW not in read(journal.spool.directory)


def test_a_share_that_is_taken_over_twice_is_added_to_no_table_twice(tmp_path: Path) -> None:
    """Its second holder is killed before it has written anything."""
    added: list[str] = []

    class Writer:
        async def _batch_database_updates(self, prisma_client: object, **share: Any) -> None:
            journal.share(share)
            await self._update_key_db()
            await self._update_team_db()

        async def _update_key_db(self) -> None:
            added.append("key")

        async def _update_team_db(self) -> None:
            added.append("team")

    journal = Journal()
    journal.spool = Spool(tmp_path)
    share = journal.share({"payload": {"request_id": "a"}})
    assert share is not None
    journal.wrote_part(frozenset({share}), "key_list_transactions")
    for _ in range(2):
        die(journal.spool)
        (found,) = abandoned(tmp_path)
        journal.spool = Spool(tmp_path)
        run(takeover._add(None, Writer(), found.records[SUMS][0], set()))
        found.remove()
    assert added == ["team", "team"]
