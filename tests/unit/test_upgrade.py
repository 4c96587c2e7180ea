"""What is said of a new LiteLLM, and what is refused before anything is done."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from packages import BaseError
from pending import Pending
from upgrade import __main__ as upgrade
from upgrade import collect, report

ROOT = Path(__file__).resolve().parents[2]
OLD: dict[str, Any] = {
    "litellm": "1.0.0",
    "changes": {"patch": "", "path": ""},
    "variables": ["A_KEPT", "A_GONE"],
    "keys": {"general_settings": ["kept"], "old_section": ["key"]},
    "callbacks": ["one"],
    "hosts": ["api.example.com"],
    "flags": {"--port": "default 4000", "--kept": "default None"},
    "commands": ["migrate deploy"],
    "migrations": {"20260101_a": False, "20260301_c": False},
}
NEW: dict[str, Any] = OLD | {
    "litellm": "1.1.0",
    "changes": {"patch": "x.py is not as expected", "path": ""},
    "variables": ["A_KEPT", "A_NEW"],
    "keys": {"general_settings": ["kept", "more"]},
    "flags": {"--port": "default 8000", "--kept": "default None"},
    "migrations": OLD["migrations"] | {"20260201_b": False, "20260401_d": True},
}


def test_what_changed_is_told_and_nothing_else() -> None:
    text = report.write(OLD, NEW, [Pending("requirements/full.txt", "openai", "1", "2")], ["make test: 3 passed"])
    assert text.startswith("# LiteLLM 1.0.0 to 1.1.0\n")
    for line in (
        "1 of 2 hold.", "- `patch`: x.py is not as expected", "- gone: `A_GONE`", "- new: `A_NEW`", "- new: `more`",
        "## Keys of `old_section`", "- gone: `--port: default 4000`", "- new: `--port: default 8000`",
        "- new: `20260201_b`, older than the newest of before", "- new: `20260401_d`, **takes something away**",
        "| openai | 1 | 2 |", "- make test: 3 passed",
    ):  # fmt: skip
        assert line in text, line
    for word in ("A_KEPT", "--kept", "Callbacks", "Hosts", "Commands", "20260101_a", "`kept`"):
        assert word not in text, word


def test_the_same_release_has_nothing_to_tell() -> None:
    text = report.write(OLD, OLD, [])
    assert text == "# LiteLLM 1.0.0 to 1.0.0\n\n## Patches and fast paths\n\n2 of 2 hold.\n"


def test_a_long_list_is_cut(tmp_path: Path) -> None:
    many = OLD | {"variables": [f"V_{number:03}" for number in range(100)]}
    text = report.write(OLD | {"variables": []}, many, [])
    assert "`V_039` and 60 more" in text
    assert "V_040" not in text


@pytest.mark.parametrize(
    ("sql", "takes"),
    [
        ('ALTER TABLE "A" ADD COLUMN "b" TEXT', False),
        ('ALTER TABLE "A" DROP COLUMN "b"', True),
        ("drop table a", True),
        ('ALTER TABLE "A" ALTER COLUMN "b" SET DATA TYPE BIGINT', True),
        ('ALTER TABLE "A" ALTER COLUMN "b" SET DEFAULT 1', False),
        ("DELETE FROM a", True),
        ("ALTER TABLE a DROP CONSTRAINT b", False),
    ],
)
def test_a_migration_that_takes_something_away_is_known(sql: str, takes: bool) -> None:
    assert bool(collect.DESTRUCTIVE.search(sql)) is takes


def test_rows_that_were_measured_again_are_compared(tmp_path: Path) -> None:
    rows = [{"row": "a", "ratio": 2.0, "ours": 1}, {"row": "b", "ratio": None, "ours": 5}, {"row": "c", "ratio": 1}]
    (tmp_path / "old.json").write_text(json.dumps(rows))
    rows[0], rows[1] = {"row": "a", "ratio": 1.5, "ours": 2}, {"row": "b", "ratio": None, "ours": 6}
    (tmp_path / "new.json").write_text(json.dumps(rows))
    assert upgrade.measures(tmp_path / "old.json", tmp_path / "new.json") == [
        "`a`: ratio 2.0 before, 1.5 now",
        "`b`: ours 5 before, 6 now",
    ]


@pytest.mark.parametrize("version", ["", "latest", "1", "1.2.3; reboot", "../1.2.3"])
def test_what_is_no_version_is_refused(version: str) -> None:
    with pytest.raises(BaseError, match="LITELLM cannot be used"):
        upgrade.main([version])


def test_a_release_that_does_not_resolve_changes_nothing_and_says_why(tmp_path: Path) -> None:
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "lock.sh").write_text("echo 'only certifi<=1 is available' >&2; exit 1\n")
    with pytest.raises(BaseError) as refused:
        upgrade.resolve(tmp_path, "9.9.9")
    assert "LiteLLM 9.9.9 does not resolve" in str(refused.value)
    assert "only certifi<=1 is available" in str(refused.value)
    assert [path.name for path in (tmp_path / "requirements").iterdir()] == ["lock.sh"]


def repository(folder: Path) -> Path:
    """A clone with a lock, and the forge it came from; gh is a script that notes how it is called."""
    forge, clone, programs = folder / "forge.git", folder / "clone", folder / "bin"
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "init.defaultBranch=main"]
    subprocess.run([*git, "init", "--quiet", "--bare", str(forge)], check=True)
    subprocess.run([*git, "clone", "--quiet", str(forge), str(clone)], check=True, stderr=subprocess.DEVNULL)
    script = clone / "docker/release/upgrade/propose.sh"
    script.parent.mkdir(parents=True)
    script.write_bytes((ROOT / "docker/release/upgrade/propose.sh").read_bytes())
    (clone / "requirements").mkdir()
    (clone / "requirements/full.txt").write_text("litellm==1.0.0 \\\n")
    for words in (["add", "."], ["commit", "--quiet", "--message", "a"], ["push", "--quiet", "origin", "HEAD"]):
        subprocess.run([*git, *words], cwd=clone, check=True)
    programs.mkdir()
    (programs / "gh").write_text(f'#!/bin/sh\necho "$*" >>{folder}/told\n')
    (programs / "gh").chmod(0o755)
    return clone


def propose(clone: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PATH": f"{clone.parent}/bin:{os.environ['PATH']}"}
    words = ["sh", "docker/release/upgrade/propose.sh"]
    return subprocess.run(words, cwd=clone, env=environment, check=False, capture_output=True, text=True)


def test_changed_locks_are_proposed_once_with_the_report(tmp_path: Path) -> None:
    clone, told = repository(tmp_path), tmp_path / "told"
    assert propose(clone).returncode == 0
    assert not told.exists()
    (clone / "requirements/full.txt").write_text("litellm==1.1.0 \\\n")
    refused = propose(clone)
    assert refused.returncode == 66
    assert "make upgrade LITELLM=1.1.0" in refused.stderr
    (clone / "upgrade.md").write_text("# LiteLLM 1.0.0 to 1.1.0\n")
    done = propose(clone)
    assert done.returncode == 0, done.stderr
    assert "pr create --head upgrade/litellm-1.1.0 --title LiteLLM 1.1.0 --body-file upgrade.md" in told.read_text()
    words = ["git", "--git-dir", str(tmp_path / "forge.git"), "show", "--format=%s", "upgrade/litellm-1.1.0"]
    shown = subprocess.run(words, check=True, capture_output=True, text=True).stdout
    assert shown.startswith("LiteLLM 1.1.0\n")
    assert "+litellm==1.1.0" in shown
    subprocess.run(["git", "switch", "--quiet", "-"], cwd=clone, check=True)
    (clone / "requirements/full.txt").write_text("litellm==1.1.0 \\\n")
    again = propose(clone)
    assert (again.returncode, "proposed already" in again.stderr) == (0, True)
    assert told.read_text().count("pr create") == 1
