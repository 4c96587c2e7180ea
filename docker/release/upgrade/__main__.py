"""Move to another release of LiteLLM: python -m upgrade VERSION|newest [--only report] [--rows ROW...] [--report FILE].

Everything happens in a clone of the commit that is checked out. The report is written first; then the image is built as
a release is, everything is tested and measured. The locks of this tree change last, when the release resolves and
nothing of what was asked for was left out. Ends with 1 when something that we rely on does not hold any more.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from packages import BaseError
from pending import Pending, pins
from pending import compare as compare_locks
from upgrade import report

ROOT: Final = Path(__file__).resolve().parents[3]
TAG: Final = "upgrade"
_VERSION: Final = re.compile(r"\d+(\.\d+)+([a-z]+\d+)?")
_RESULTS: Final = Path("bench/results/latest.json")
_TAIL: Final = 15


def say(text: str) -> None:
    """Print progress."""
    print(f"upgrade: {text}", file=sys.stderr, flush=True)


def locked(root: Path) -> str:
    """Return the release of LiteLLM that a tree has locked."""
    return pins(root / "requirements" / "full.txt")["litellm"]


def resolve(root: Path, wanted: str) -> str:
    """Lock a release in a tree, with what it alone wants changed; return which it became. Raises BaseError."""
    say(f"resolving LiteLLM {wanted}")
    done = _run(["sh", "requirements/lock.sh"], root, LITELLM=wanted)
    if done.returncode:
        raise BaseError(
            f"LiteLLM {wanted} does not resolve", done.stderr.strip(),
            "what it wants is not published, or not to be had from this index: another release, or later",
        )  # fmt: skip
    return locked(root)


def facts(image: str, engine: Sequence[str]) -> dict[str, Any]:
    """Return what an image says of its LiteLLM (collect.py)."""
    code = Path(__file__).with_name("collect.py").read_text(encoding="utf-8")
    words = [*engine, "run", "--rm", "--interactive", "--network", "none", "--entrypoint", "python", image, "-P", "-"]
    done = subprocess.run(words, input=code, check=True, stdout=subprocess.PIPE, text=True)
    # LiteLLM may print while it is imported.
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def build(root: Path, target: str) -> str:
    """Build an image of a tree, under this command's own tag. Raises BaseError."""
    say(f"building {target}; its output goes to {root / 'build.log'}")
    with (root / "build.log").open("w", encoding="utf-8") as log:
        words = ["sh", "docker/build.sh", target]
        done = subprocess.run(words, cwd=root, env={**os.environ, "TAG": TAG}, check=False, stdout=log, stderr=log)
    if done.returncode:
        tail = "\n".join((root / "build.log").read_text(encoding="utf-8").splitlines()[-_TAIL:])
        raise BaseError(f"the image {target} is not built", tail, "mend what it names, then make upgrade again")
    return f"slipway:{TAG}" if target == "full" else f"slipway:{TAG}-{target}"


def candidate(clone: Path, engine: Sequence[str]) -> dict[str, Any]:
    """Return the facts of the release that a clone has locked, by an image that leaves out what does not fit."""
    # Of all targets, next is the one that does.
    lock = clone / "requirements" / "next.txt"
    kept = lock.read_bytes()
    shutil.copy(lock.with_name("full.txt"), lock)
    try:
        return facts(build(clone, "next"), engine)
    finally:
        lock.write_bytes(kept)


def measures(before: Path, after: Path) -> list[str]:
    """Return a line for each row that two runs have: how it is beside upstream, before and after."""
    old, new = ({row["row"]: row for row in json.loads(path.read_text(encoding="utf-8"))} for path in (before, after))
    lines = []
    for name in (name for name in old if name in new and new[name] != old[name]):
        key = "ratio" if new[name]["ratio"] is not None else "ours"
        lines.append(f"`{name}`: {key} {old[name][key]} before, {new[name][key]} now")
    return lines


def prove(clone: Path, rows: Sequence[str]) -> list[str]:
    """Build as a release is built, test and measure; return what came of it, a line each. Raises BaseError."""
    notes: list[str] = []
    steps: list[tuple[str, list[str]]] = [("make test", ["make", "test"])]
    steps += [(f"make bench ROW={row}", ["make", "bench", f"ROW={row}"]) for row in rows]
    for name, words in steps:
        say(name)
        done = subprocess.run(
            words, cwd=clone, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        tail = done.stdout.strip().splitlines()[-_TAIL:]
        if done.returncode:
            raise BaseError(f"{name} failed", "\n".join(tail), "mend what it names, then make upgrade again")
        notes.append(f"{name}: {tail[-1].strip('= ')}" if tail else name)
    return notes + measures(ROOT / _RESULTS, clone / _RESULTS)


def main(arguments: Sequence[str]) -> int:
    """Do it all, or the report alone."""
    parser = argparse.ArgumentParser(description="Move to another release of LiteLLM.")
    parser.add_argument("version", metavar="VERSION|newest")
    parser.add_argument("--engine", default="docker")
    parser.add_argument("--only", choices=["report"])
    parser.add_argument("--rows", nargs="*", default=[], metavar="ROW", help="rows of bench to measure again")
    parser.add_argument("--report", type=Path, default=ROOT / "upgrade.md")
    options = parser.parse_args(arguments)
    if options.version != "newest" and not _VERSION.fullmatch(options.version):
        raise BaseError("LITELLM cannot be used", "it is no version, nor the word newest", "make upgrade LITELLM=1.2.3")
    if _run(["git", "status", "--porcelain"], ROOT).stdout.strip():
        raise BaseError("the tree has changes", "an upgrade begins at a commit", "commit or remove them")
    with tempfile.TemporaryDirectory(prefix="upgrade-") as folder:
        return _in(Path(folder) / "clone", options, shlex.split(options.engine))


def _in(clone: Path, options: argparse.Namespace, engine: Sequence[str]) -> int:
    _run(["git", "clone", "--quiet", str(ROOT), str(clone)], ROOT)
    (clone / ".venv").symlink_to(ROOT / ".venv")
    before = locked(ROOT)
    after = resolve(clone, options.version)
    if after == before:
        say(f"LiteLLM {before} is the newest release that resolves")
        return 0
    packages = [each for each in compare_locks(ROOT, clone) if each.lock == "requirements/full.txt"]
    old = facts(build(ROOT, "full"), engine)
    new = candidate(clone, engine)
    missing = report.broken(new)
    _write(options.report, old, new, packages)
    if missing or options.only == "report":
        say(f"{len(missing)} patches and fast paths do not hold; the locks are as they were" if missing else "reported")
        return 1 if missing else 0
    try:
        notes = prove(clone, options.rows)
    except BaseError as problem:
        _write(options.report, old, new, packages, [str(problem).replace("\n", "\n  ")])
        raise
    _write(options.report, old, new, packages, notes)
    for name in sorted(path.name for path in (clone / "requirements").glob("*.txt")):
        (ROOT / "requirements" / name).write_bytes((clone / "requirements" / name).read_bytes())
    say(f"LiteLLM {after} is locked; commit requirements/ with {options.report.name} as what is said of it")
    return 0


def _write(
    target: Path, old: report.Facts, new: report.Facts, packages: Sequence[Pending], notes: Sequence[str] = ()
) -> None:
    text = report.write(old, new, packages, notes)
    target.write_text(text, encoding="utf-8")
    print(text)


def _run(words: Sequence[str], cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **variables}
    return subprocess.run(words, cwd=cwd, env=environment, check=False, capture_output=True, text=True)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except BaseError as problem:
        sys.exit(f"upgrade: {problem}")
