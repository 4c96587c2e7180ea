"""Whether workers fit into the container's memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from slipway import cgroup, settings
from slipway.checks import memory
from slipway.report import ExitCode

DATABASE = {"DATABASE_URL": "postgresql://u@db/x"}


@pytest.fixture
def limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "memory.max"
    monkeypatch.setattr(memory, "memory_limit", lambda: cgroup.memory_limit(tmp_path))
    return file


@pytest.mark.parametrize(
    ("text", "workers", "database", "expected"),
    [
        ("max\n", "64", True, []),
        # cgroup v1 without a limit.
        ("9223372036854771712\n", "64", True, []),
        ("1073741824\n", "1", True, []),
        ("400000000\n", "1", False, ["warning"]),
        ("268435456\n", "1", False, ["error"]),
        ("500000000\n", "4", False, ["warning"]),
        ("500000000\n", "4", True, ["error"]),
    ],
)
def test_workers_fit_or_not(limit: Path, text: str, workers: str, database: bool, expected: list[str]) -> None:
    limit.write_text(text)
    resolved = settings.resolve({}, {"NUM_WORKERS": workers}, {})
    findings = memory.check(resolved, {}, DATABASE if database else {})
    assert [finding.severity for finding in findings] == expected
    assert all(finding.code is ExitCode.CAPACITY and finding.id == "memory-budget" for finding in findings)


def test_a_limit_of_a_worker_below_its_usual_size_is_warned_of(limit: Path) -> None:
    resolved = settings.resolve({}, {"SLIPWAY_RECYCLE_MEMORY_MB": "200"}, {})
    (finding,) = memory.check(resolved, {}, {})
    assert (finding.id, finding.severity) == ("recycle-memory-low", "warning")
    assert memory.check(settings.resolve({}, {"SLIPWAY_RECYCLE_MEMORY_MB": "900"}, {}), {}, {}) == []


@pytest.mark.parametrize(
    ("name", "text", "kills"),
    [
        ("memory.events", "low 0\noom 3\noom_kill 2\n", 2),
        ("memory/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n", 1),
        ("memory.events", "", 0),
        ("memory.stat", "oom_kill 1\n", 0),
    ],
)
def test_what_the_kernel_has_killed(tmp_path: Path, name: str, text: str, kills: int) -> None:
    (tmp_path / "memory").mkdir()
    (tmp_path / name).write_text(text)
    assert cgroup.memory_kills(tmp_path) == kills
