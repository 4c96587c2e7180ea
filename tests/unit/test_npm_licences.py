"""The licence gate of npm packages."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import npm_licences

ALLOWED = {"mit", "apache-2.0"}


def lock(directory: Path, **package: object) -> Path:
    path = directory / "package-lock.json"
    path.write_text(json.dumps({"packages": {"": {"license": "none"}, "node_modules/x": {"version": "1", **package}}}))
    return path


@pytest.mark.parametrize("stated", ["MIT", "Apache-2.0", "(GPL-3.0 OR MIT)"])
def test_an_allowed_licence_passes(tmp_path: Path, stated: str) -> None:
    assert list(npm_licences.complaints(lock(tmp_path, license=stated), ALLOWED)) == []


@pytest.mark.parametrize("stated", ["GPL-3.0", "MIT AND GPL-3.0", ""])
def test_any_other_licence_is_named(tmp_path: Path, stated: str) -> None:
    (complaint,) = npm_licences.complaints(lock(tmp_path, license=stated), ALLOWED)
    assert "node_modules/x 1" in complaint


def test_what_is_not_shipped_is_not_judged(tmp_path: Path) -> None:
    assert list(npm_licences.complaints(lock(tmp_path, license="GPL-3.0", dev=True), ALLOWED)) == []
