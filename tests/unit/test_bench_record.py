"""Rows of the benchmark: ratio, goals, merging of runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench import record, run


def test_ratio_is_above_one_where_ours_is_smaller() -> None:
    assert record.ratio(2.0, 10.0) == 5.0
    assert record.ratio(10.0, 2.0) == 0.2


def test_ratio_is_none_without_another_side_or_a_figure() -> None:
    assert record.ratio(2.0, None) is None
    assert record.ratio(0.0, 10.0) is None


def test_a_row_has_the_keys_of_the_contract_and_puts_the_rest_in_its_detail() -> None:
    row = record.make("ready_1", "s", 2.50004, 10.0, cause="warm")
    assert tuple(row) == record.KEYS
    assert (row["ours"], row["theirs"], row["ratio"]) == (2.5, 10.0, 4.0)
    assert row["detail"] == {"cause": "warm", "goal": "ratio >= 3.33"}


def test_samples_become_medians_and_are_kept() -> None:
    row = record.of_samples("ready_1", "s", {"ours": [3, 1, 2], "theirs": [9, 8, 10]})
    assert (row["ours"], row["theirs"], row["ratio"]) == (2, 9, 4.5)
    assert row["detail"]["samples"] == {"ours": [3, 1, 2], "theirs": [9, 8, 10]}


@pytest.mark.parametrize(
    ("row", "ours", "theirs", "expected"),
    [
        ("ready_1", 2.9, 10.0, True),
        ("ready_1", 3.1, 10.0, False),
        ("ready_1", 0.0, 10.0, False),
        ("pss_per_worker", 60.0, 1.0, True),
        ("image_full", 231.0, None, False),
        ("rebuild_entrypoint", 1.0, None, None),
    ],
)
def test_a_goal_bounds_the_ratio_beside_upstream_and_the_figure_alone(
    row: str, ours: float, theirs: float | None, expected: bool | None
) -> None:
    assert record.met(record.make(row, "", ours, theirs)) is expected


def test_every_goal_belongs_to_a_row_that_the_runner_knows() -> None:
    assert set(record.GOALS) <= set(run.ORDER)


def test_a_row_run_singly_replaces_itself_and_leaves_the_others() -> None:
    old = [record.make("launcher", "ms", 90), record.make("ready_1", "s", 5, 10)]
    merged = record.merge(old, [record.make("ready_1", "s", 2, 10)], ("ready_1", "pss_1", "launcher"))
    assert [(row["row"], row["ours"]) for row in merged] == [("ready_1", 2), ("launcher", 90)]


def test_a_row_of_another_version_of_the_runner_survives() -> None:
    merged = record.merge([record.make("later", "s", 1)], [record.make("ready_1", "s", 2)], ("ready_1",))
    assert [row["row"] for row in merged] == ["ready_1", "later"]


def test_rows_survive_writing_and_reading(tmp_path: Path) -> None:
    path = tmp_path / "results" / "latest.json"
    rows = [record.make("image_slim", "MB", 140.2, unpacked=400)]
    record.save(path, rows)
    assert record.load(path) == rows
    assert [file.name for file in path.parent.iterdir()] == ["latest.json"]


def test_no_earlier_run_is_no_rows(tmp_path: Path) -> None:
    assert record.load(tmp_path / "latest.json") == []


@pytest.mark.parametrize("text", ["[", "3", "[3]", json.dumps([{"row": "ready_1"}])])
def test_results_that_are_not_rows_are_refused_with_the_fix(tmp_path: Path, text: str) -> None:
    path = tmp_path / "latest.json"
    path.write_text(text)
    with pytest.raises(ValueError, match="remove it and run `make bench` again"):
        record.load(path)


def test_the_table_shows_each_row_and_its_goal() -> None:
    rows = [record.make("ready_1", "s", 2, 10), record.make("image_full", "MB", 300), record.make("other", "s", 1)]
    header, ready, image, other = run.table(rows).splitlines()
    assert header.split() == ["row", "ours", "theirs", "unit", "ratio", "goal"]
    assert ready.split() == ["ready_1", "2", "10", "s", "5", "ratio", ">=", "3.33", "met"]
    assert image.split() == ["image_full", "300", "-", "MB", "-", "ours", "<=", "230", "missed"]
    assert other.split() == ["other", "1", "-", "s", "-", "-"]


def test_an_unknown_row_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run.main(["ready_5"])
    assert ended.value.code == 2
    assert "no such row: ready_5" in capsys.readouterr().err
