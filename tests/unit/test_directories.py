"""Writable directories."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from slipway import secrets
from slipway.report import ExitCode, Refusal
from slipway.runtime import directories


def test_preparing_empties_what_an_earlier_run_left_and_nothing_else(tmp_path: Path) -> None:
    chosen = directories.choose(str(tmp_path / "run"), asked=True)
    chosen.metrics.mkdir(parents=True)
    chosen.workers.mkdir()
    (chosen.workers / "123").touch()
    for stale in ("gauge_all_1.db", "litellm_admitted_series_x"):
        (chosen.metrics / stale).touch()
    (chosen.metrics / "mine.txt").touch()
    directories.prepare(chosen, chosen.metrics)
    assert os.listdir(chosen.workers) == []
    assert os.listdir(chosen.metrics) == ["mine.txt"]


def test_a_second_gateway_on_one_directory_is_refused(tmp_path: Path) -> None:
    chosen = directories.choose(str(tmp_path), asked=True)
    directories.prepare(chosen, None)
    with pytest.raises(Refusal) as refusal:
        directories.prepare(chosen, None)
    assert refusal.value.findings[0].code is ExitCode.DIRECTORY


def test_a_second_gateway_on_one_directory_of_metrics_is_refused(tmp_path: Path) -> None:
    metrics = tmp_path / "metrics"
    directories.prepare(directories.choose(str(tmp_path / "one"), asked=True), metrics)
    (metrics / "counter_w0.db").touch()
    with pytest.raises(Refusal) as refusal:
        directories.prepare(directories.choose(str(tmp_path / "two"), asked=True), metrics)
    assert refusal.value.findings[0].code is ExitCode.DIRECTORY
    assert "PROMETHEUS_MULTIPROC_DIR" in refusal.value.findings[0].fix
    assert (metrics / "counter_w0.db").exists()


def test_metrics_in_the_runtime_directory_itself_share_its_lock(tmp_path: Path) -> None:
    chosen = directories.choose(str(tmp_path), asked=True)
    directories.prepare(chosen, chosen.runtime)
    assert chosen.workers.is_dir()


@pytest.mark.parametrize(
    ("name", "make"),
    [("mine.db", Path.touch), ("counter_mine.db", Path.mkdir), ("litellm_admitted_series_mine", Path.mkdir)],
)
def test_what_is_no_metric_is_not_deleted(tmp_path: Path, name: str, make: Callable[[Path], None]) -> None:
    mine = tmp_path / "metrics" / name
    mine.parent.mkdir()
    make(mine)
    with pytest.raises(Refusal) as refusal:
        directories.prepare(directories.choose(str(tmp_path / "run"), asked=True), mine.parent)
    assert refusal.value.findings[0].id == "metrics-directory-foreign"
    assert mine.exists()


def test_choosing_leaves_nothing_behind(tmp_path: Path) -> None:
    directories.choose(str(tmp_path), asked=True)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("name", "value", "hidden"),
    [
        ("LITELLM_MASTER_KEY", "x", True),
        ("SSL_KEYFILE_PATH", "/key.pem", False),
        ("NO_PROXY", "a,http://u:p@h", True),
        ("API_BASE", "https://host:8080/a@b", False),
    ],
)
def test_secrets_are_redacted_by_name_and_by_content(name: str, value: str, hidden: bool) -> None:
    assert (secrets.redact(name, value) == secrets.REDACTED) is hidden
