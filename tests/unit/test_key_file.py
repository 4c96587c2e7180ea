"""Key files of `salt`: what they may hold, and what is said of those that do not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from slipway.checks import key_file
from slipway.report import ExitCode, Refusal

KEY = f"sk-{'0123456789abcdef' * 3}"


def refused(path: str) -> str:
    with pytest.raises(Refusal) as caught:
        key_file.read(path, "--from-file")
    (finding,) = caught.value.findings
    assert finding.code == ExitCode.SECRET
    assert "--from-file" in finding.what
    assert path not in finding.what + finding.fix
    return finding.what


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_one_line_end_is_taken_off(tmp_path: Path, end: str) -> None:
    path = tmp_path / "key"
    path.write_bytes(f" {KEY} {end}".encode())
    assert key_file.read(str(path), "--from-file") == f" {KEY} "
    path.write_bytes(f"{KEY}\n{end}".encode())
    assert key_file.read(str(path), "--from-file") == (f"{KEY}\n" if end else KEY)


def test_an_empty_file_is_refused_and_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / "key").touch()
    os.mkfifo(tmp_path / "pipe")
    for name in ("key", "pipe"):
        assert "is empty" in refused(str(tmp_path / name))


def test_a_file_that_is_not_there_or_a_key_in_its_place_is_refused(tmp_path: Path) -> None:
    assert "No such file" in refused(str(tmp_path / "missing"))
    assert "Is a directory" in refused(str(tmp_path))
    assert "No such file" in refused(KEY)


def test_what_is_no_key_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_bytes(b"k" * (key_file.LONGEST + 1))
    assert "longer than" in refused(str(path))
    for content in (b"sk-\xff\xfe", b"sk-\0key"):
        path.write_bytes(content)
        assert "no text" in refused(str(path))


@pytest.mark.parametrize(
    ("new", "why"),
    [
        ("", "blank"),
        (" \t", "blank"),
        ("old-key-of-some-length", "the old one"),
        ("SK-1234567890", "well-known"),
        ("sk-short", "shorter"),
        (f" {KEY}", "blanks"),
        (f"{KEY}\n", "blanks"),
        (f"{KEY}\n{KEY}", "control characters"),
    ],
)
def test_a_new_key_that_nobody_should_have_is_refused(new: str, why: str) -> None:
    with pytest.raises(Refusal) as caught:
        key_file.refuse_unfit(new, "old-key-of-some-length")
    (finding,) = caught.value.findings
    assert (finding.id, finding.code) == ("salt-new-key", ExitCode.SECRET)
    assert why in finding.what
    assert KEY not in finding.what + finding.fix


def test_a_good_new_key_is_not_refused() -> None:
    key_file.refuse_unfit(KEY, "sk-1234")
