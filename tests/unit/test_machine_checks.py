"""What the machine gives a container: descriptors and the time."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from slipway import descriptors, settings
from slipway.checks import clock
from slipway.checks import descriptors as descriptors_check


@pytest.fixture
def limit() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.parametrize(
    ("environment", "needed"),
    [
        ({}, 2250),
        ({"LIMIT_CONCURRENCY": "100"}, 450),
        ({"AIOHTTP_CONNECTOR_LIMIT": "3000"}, 6250),
        ({"AIOHTTP_CONNECTOR_LIMIT": "0"}, 2250),
        ({"AIOHTTP_CONNECTOR_LIMIT": "many"}, 2250),
    ],
)
def test_a_request_takes_two_descriptors(environment: dict[str, str], needed: int) -> None:
    assert descriptors.needed(settings.resolve({}, environment, {}), environment) == needed


@pytest.mark.parametrize(("hard", "warned"), [(1024, True), (2249, True), (2250, False), (70_000, False)])
def test_a_hard_limit_that_a_busy_worker_reaches_is_a_warning(
    hard: int, warned: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (512, hard))
    findings = descriptors_check.check(settings.resolve({}, {}, {}), {})
    assert [finding.id for finding in findings] == ["descriptors-few"] * warned
    assert all("--ulimit nofile=2250:2250" in finding.fix for finding in findings)
    assert all(finding.severity == "warning" for finding in findings)


def test_no_limit_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (512, resource.RLIM_INFINITY))
    assert descriptors.most() == 65536


@pytest.mark.usefixtures("limit")
def test_the_soft_limit_is_raised_to_the_hard_one_and_never_lowered() -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    descriptors.raise_limit()
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (descriptors.most(), hard)
    descriptors.raise_limit()
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (descriptors.most(), hard)


@pytest.mark.parametrize(
    ("now", "warned"),
    # The day before, the moment the day begins, and long after.
    [(0.0, True), (1_792_281_599.0, True), (1_792_281_600.0, False), (4_000_000_000.0, False)],
)
@pytest.mark.parametrize("release", ["2026.10.18", "2026.10.18.post1"])
def test_a_clock_behind_the_images_certificates_is_a_warning(
    tmp_path: Path, now: float, warned: bool, release: str
) -> None:
    (tmp_path / f"certifi-{release}.dist-info").mkdir()
    findings = clock.check(now, tmp_path)
    assert [finding.id for finding in findings] == ["clock-behind"] * warned
    assert all("2026-10-18" in finding.what and finding.severity == "warning" for finding in findings)


@pytest.mark.parametrize("name", ["certifi-1.0.dist-info", "certifi-2026.x.1.dist-info", "other-2026.1.1.dist-info"])
def test_an_image_of_no_known_day_has_no_finding(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    assert clock.check(0.0, tmp_path) == []
    assert clock.check(0.0, tmp_path / "absent") == []
