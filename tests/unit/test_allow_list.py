"""The list of the packages that the image may hold."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import allow_list
from slipway.checks import packages

ROOT = Path(__file__).resolve().parents[2]
REASON = "litellm: the feature that needs it"
LISTED = tomllib.loads((ROOT / "requirements/packages.toml").read_text(encoding="utf-8"))


def test_the_same_set_passes() -> None:
    tables = {"slim": {"first": REASON}, "full": {"second": REASON}}
    assert list(allow_list.complaints({"first": "1", "second": "2"}, tables)) == []


def test_an_installed_package_without_an_entry_is_named_with_the_table_it_belongs_to() -> None:
    (complaint,) = allow_list.complaints({"first": "1.5"}, {"slim": {}, "full": {}})
    assert "first 1.5 is installed and not listed" in complaint
    assert "into [full]" in complaint


def test_an_entry_that_is_not_installed_is_named() -> None:
    (complaint,) = allow_list.complaints({}, {"slim": {"first": REASON}})
    assert "first in [slim] is not installed" in complaint


@pytest.mark.parametrize("reason", ["", "  ", "needed"])
def test_an_entry_without_a_reason_is_named(reason: str) -> None:
    (complaint,) = allow_list.complaints({"first": "1"}, {"slim": {"first": reason}})
    assert "no reason" in complaint


def test_an_entry_in_two_tables_is_named() -> None:
    (complaint,) = allow_list.complaints({"first": "1"}, {"slim": {"first": REASON}, "full": {"first": REASON}})
    assert "[slim] and in [full]" in complaint


def test_a_line_may_do_without_what_others_have() -> None:
    tables = {"full": {"first": REASON, "second": REASON}, "without-next": {"second": REASON}}
    assert list(allow_list.complaints({"first": "1"}, tables)) == []
    (complaint,) = allow_list.complaints({"first": "1", "second": "2"}, tables)
    assert "second 2 is installed and not listed" in complaint
    assert "into [full]" in complaint


def test_a_line_cannot_do_without_what_no_other_has() -> None:
    (complaint,) = allow_list.complaints(
        {"first": "1"}, {"full": {"first": REASON}, "without-next": {"second": REASON}}
    )
    assert "second stands in [without-next] and in no table before it" in complaint


@pytest.mark.parametrize(("name", "code"), [("some_thing", 0), ("other", 1)])
def test_the_build_stops_at_a_difference(tmp_path: Path, name: str, code: int) -> None:
    metadata = tmp_path / f"lib/python3.13/site-packages/{name}-1.dist-info/METADATA"
    metadata.parent.mkdir(parents=True)
    metadata.write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
    (tmp_path / "list.toml").write_text(f'[slim]\nsome-thing = "{REASON}"\n')
    command = [sys.executable, str(ROOT / "docker/python/allow_list.py"), str(tmp_path), str(tmp_path / "list.toml")]
    done = subprocess.run([*command, "slim"], check=False, capture_output=True, text=True)
    assert done.returncode == code
    assert ("other 1 is installed" in done.stderr) is bool(code)


@pytest.mark.parametrize("name", ["slim", "full", "complete", "previous", "next"])
def test_the_list_holds_what_is_locked(name: str) -> None:
    lines = (ROOT / f"requirements/{name}.txt").read_text(encoding="utf-8").splitlines()
    locked = {line.partition("==")[0]: "locked" for line in lines if line[:1].isalnum()}
    tables = {"slim": ["slim"], "full": ["slim", "full"], "complete": ["slim", "full", "complete"]}
    tables |= {line: [*tables["full"], line, f"without-{line}"] for line in ("previous", "next")}
    assert list(allow_list.complaints(locked, {table: LISTED.get(table, {}) for table in tables[name]})) == []


def test_the_image_that_a_finding_names_is_the_smallest_that_has_the_package() -> None:
    """One table says what asks for a package, the other one who has it."""
    homes = {name: table for table in ("slim", "full", "complete") for name in LISTED[table]}
    assert {need.package: need.image for need in packages.NEEDS} == {
        need.package: homes.get(need.package) for need in packages.NEEDS
    }
