"""What is newer than a lock is told for each kind of lock; a lock of patch releases takes nothing else."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

import pending

ROOT = Path(__file__).resolve().parents[2]
DEB = "name {} amd64 " + 64 * "0" + " pool/main/n/name_{}_amd64.deb"


def tree(folder: Path, deb: str, wheel: str, npm: str) -> Path:
    files = {
        "docker/base/full.lock": f"# epoch: 1\n{DEB.format(deb, deb)}\n",
        "docker/prisma/engine/package-lock.json": json.dumps(
            {"packages": {"": {"name": "ours"}, "node_modules/@scope/part": {"version": npm}}}
        ),
        "requirements/full.txt": f"wheel=={wheel} \\\n    --hash=sha256:00\nsame[extra]==1 ; python_version > '3'\n",
        "requirements/overrides.txt": "wheel==7 ; sys_platform == 'never'\n",
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def test_nothing_is_pending_where_nothing_differs(tmp_path: Path) -> None:
    trees = [tree(tmp_path / name, "1-1", "1.2.3", "4.5.6") for name in ("old", "new")]
    assert list(pending.compare(*trees)) == []


def test_each_kind_of_lock_is_compared(tmp_path: Path) -> None:
    old = tree(tmp_path / "old", "1-1", "1.2.3", "4.5.6")
    new = tree(tmp_path / "new", "1-1+deb13u1", "1.2.4", "4.5.7")
    assert list(pending.compare(old, new)) == [
        pending.Pending("docker/base/full.lock", "name", "1-1", "1-1+deb13u1"),
        pending.Pending("docker/prisma/engine/package-lock.json", "@scope/part", "4.5.6", "4.5.7"),
        pending.Pending("requirements/full.txt", "wheel", "1.2.3", "1.2.4"),
    ]


def test_all_locks_of_this_tree_are_compared() -> None:
    names = {path.relative_to(ROOT).as_posix() for path in pending.locks(ROOT)}
    assert {"docker/base/full.lock", "requirements/full.txt", "requirements/dev.txt"} <= names
    assert all(pending.pins(ROOT / name) for name in names)


@pytest.mark.parametrize(
    ("locked", "constraint"),
    [("1.2.3", "1.2.*"), ("0.4.110", "0.4.*"), ("2026.10.18", "2026.10.*"), ("7", "7.*"), ("1.107.0rc2", "1.107.*")],
)
def test_only_patch_releases_are_taken(locked: str, constraint: str, tmp_path: Path) -> None:
    """Of what the script asks uv for, which is played here by what writes its own arguments down."""
    shutil.copytree(ROOT / "requirements", tmp_path / "requirements")
    (tmp_path / "requirements" / "full.txt").write_text(f"some-name=={locked} \\\n    --hash=sha256:00\n")
    uv = tmp_path / ".venv" / "bin" / "uv"
    uv.parent.mkdir(parents=True)
    # Ends with an error at the first lock, once it has shown how it was asked for it.
    uv.write_text('#!/bin/sh\ncat .patches.txt >&2\necho "$*" >&2\nexit 1\n')
    uv.chmod(0o755)
    words = ["sh", str(tmp_path / "requirements" / "lock.sh")]
    environment = {**os.environ, "PATCHES": "1"}
    done = subprocess.run(words, env=environment, check=False, capture_output=True, text=True)
    assert done.returncode == 1
    constraints, asked = done.stderr.splitlines()
    assert constraints == f"some-name=={constraint}"
    assert "--upgrade" in asked
    assert asked.endswith("-c .patches.txt")
