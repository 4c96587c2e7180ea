"""Say what has become newer than the locks: Debian's upgrades, and patch releases on PyPI and npm.

The locks are renewed in a copy of this tree, wheels by patch releases only, and compared. Ends with 1 when something is
pending.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from packages import BaseError, parse_lock

ROOT: Final = Path(__file__).resolve().parents[2]
COPIED: Final = ("docker/base", "docker/prisma", "requirements")
_PINNED = re.compile(r"(?m)^([A-Za-z0-9._-]+)==([^ ;\\\s]+)")


@dataclass(frozen=True, order=True)
class Pending:
    """A package of a lock, as it is locked and as it is offered; either is empty when it is not there."""

    lock: str
    package: str
    locked: str
    offered: str


def pins(path: Path) -> dict[str, str]:
    """What a lock of any kind holds: names, and the versions of each."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".lock":
        found = {(package.name, package.version) for package in parse_lock(text, path.name).packages}
    elif path.suffix == ".json":
        entries = json.loads(text)["packages"].items()
        found = {(name.rpartition("node_modules/")[2], entry["version"]) for name, entry in entries if name}
    else:
        found = {(name, version) for name, version in _PINNED.findall(text)}
    versions: dict[str, list[str]] = {}
    for name, version in sorted(found):
        versions.setdefault(name, []).append(version)
    return {name: ", ".join(each) for name, each in versions.items()}


def compare(old: Path, new: Path) -> Iterator[Pending]:
    """What differs between the locks of two trees."""
    for lock in sorted(path.relative_to(old) for path in locks(old)):
        locked, offered = pins(old / lock), pins(new / lock)
        for name in sorted({*locked, *offered}):
            if locked.get(name) != offered.get(name):
                yield Pending(str(lock), name, locked.get(name, ""), offered.get(name, ""))


def locks(root: Path) -> Iterator[Path]:
    """Every lock file of a tree."""
    yield from (root / "docker" / "base").glob("*.lock")
    yield from (root / "docker" / "prisma").glob("*/package-lock.json")
    # What names requirements without versions is no lock.
    yield from (path for path in (root / "requirements").glob("*.txt") if not path.stem.endswith("overrides"))


def renewed(folder: Path) -> Path:
    """A copy of this tree with its locks renewed. Raises BaseError when an index does not answer."""
    for name in COPIED:
        shutil.copytree(ROOT / name, folder / name, symlinks=True)
    (folder / ".venv").symlink_to(ROOT / ".venv")
    for words in (["sh", "requirements/lock.sh"], [sys.executable, "docker/base/lock.py"]):
        environment = {**os.environ, "PATCHES": "1", "PYTHONPATH": "docker/base"}
        done = subprocess.run(words, cwd=folder, env=environment, check=False, text=True, stderr=subprocess.PIPE)
        if done.returncode:
            raise BaseError(f"{words[1]} ended with {done.returncode}", done.stderr.strip(), "try it with: make lock")
    return folder


def main() -> int:
    """Print what is pending."""
    with tempfile.TemporaryDirectory(prefix="pending-") as folder:
        found = list(compare(ROOT, renewed(Path(folder))))
    for each in found:
        print(f"{each.lock}: {each.package} {each.locked or '(not there)'} -> {each.offered or '(not there)'}")
    print(f"{len(found)} pending" if found else "nothing is pending", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BaseError as problem:
        sys.exit(f"pending: {problem}")
