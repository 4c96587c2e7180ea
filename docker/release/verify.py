"""Rebuild an image from its commit, in another folder and without a cache, and compare the two bit for bit.

Usage: verify.py IMAGE [--target TARGET] [--cached] [--engine COMMAND]. Ends with 0 when they are the same, and with 1
when not, after a line for each file that differs. The commit is the one that the image's own label names.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import secrets
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import compare
from packages import BaseError, parse_lock
from repack import repack

ROOT: Final = Path(__file__).resolve().parents[2]
LABEL: Final = "org.opencontainers.image"
TARGETS: Final = ("full", "slim", "complete")
# More than these help nobody to find the cause.
_SHOWN: Final = 200


def verify(image: str, target: str, cached: bool, engine: list[str], folder: Path) -> list[str]:
    """Return what differs between an image and its rebuild; nothing when they are the same. Raises BaseError."""
    labels = _labels(image, engine)
    revision = labels.get(f"{LABEL}.revision", "")
    source = folder / "source"
    _clone(revision, source)
    _say(f"{image} says that it is commit {revision}; building that in {source}{'' if cached else ', without a cache'}")
    tag = f"verify-{secrets.token_hex(4)}"
    built = f"slipway:{tag}" if target == "full" else f"slipway:{tag}-{target}"
    variables = {"TAG": tag, "NO_CACHE": "0" if cached else "1", "VERSION": labels.get(f"{LABEL}.version", "")}
    done = subprocess.run(["sh", "docker/build.sh", target], cwd=source, env={**os.environ, **variables}, check=False)
    if done.returncode:
        raise BaseError("the rebuild failed", f"docker/build.sh ended with {done.returncode}", "it says why above")
    try:
        archives = [_packed(name, source, engine, folder) for name in (image, built)]
    finally:
        subprocess.run([*engine, "rmi", "--force", built], check=False, capture_output=True)
    one, other = map(compare.read, archives)
    _say(f"{image}: {one.identity}")
    _say(f"rebuilt: {other.identity}")
    if one.identity == other.identity:
        return []
    found = list(compare.differences(one, other, ("the image", "the rebuild")))
    return found or ["the same files and settings, in other layers"]


def _labels(image: str, engine: list[str]) -> Mapping[str, str]:
    done = subprocess.run([*engine, "image", "inspect", image], check=False, capture_output=True, text=True)
    if done.returncode:
        raise BaseError(f"{image} is not there", done.stderr.strip(), f"docker pull {image}, or make image")
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found[0]["Config"]["Labels"] or {}


def _clone(revision: str, target: Path) -> None:
    if not re.fullmatch(r"[0-9a-f]{40}", revision):
        raise BaseError(
            "the image does not say what it was built from",
            f"its label {LABEL}.revision is {revision or 'not there'}",
            "it is none of ours, or was built outside of a clone: build it with make image",
        )
    clone = ["git", "clone", "--quiet", "--no-checkout", str(ROOT), str(target)]
    checkout = ["git", "-C", str(target), "checkout", "--quiet", "--detach", revision]
    for words in (clone, checkout):
        done = subprocess.run(words, check=False, capture_output=True, text=True)
        if done.returncode:
            raise BaseError(f"commit {revision} cannot be had", done.stderr.strip(), "git fetch --all --tags")


def _packed(image: str, source: Path, engine: list[str], folder: Path) -> Path:
    """Write an image in its one form, which engines' clocks and orders have no part in."""
    saved, packed = folder / "saved.tar", folder / f"{secrets.token_hex(4)}.tar"
    with saved.open("wb") as file:
        subprocess.run([*engine, "save", image], check=True, stdout=file)
    # Of the commit's own packages, not of this one's.
    lock = source / "docker" / "base" / "full.lock"
    repack(saved, packed, parse_lock(lock.read_text(encoding="utf-8"), lock.name).epoch)
    saved.unlink()
    return packed


def _say(text: str) -> None:
    print(f"verify-image: {text}", file=sys.stderr, flush=True)


def main(arguments: list[str]) -> int:
    """Verify one image and say what was found."""
    parser = argparse.ArgumentParser(description="Rebuild an image from its commit and compare them bit for bit.")
    parser.add_argument("image", metavar="IMAGE")
    parser.add_argument("--target", choices=TARGETS, help="what it is; told by the end of its name otherwise")
    parser.add_argument("--cached", action="store_true", help="let the engine's cache help: quicker, and no proof")
    parser.add_argument("--engine", default="docker")
    options = parser.parse_args(arguments)
    told = next((target for target in TARGETS if options.image.endswith(f"-{target}")), "full")
    with tempfile.TemporaryDirectory(prefix="verify-image-", dir=os.environ.get("TMPDIR", "/var/tmp")) as folder:
        target = options.target or told
        found = verify(options.image, target, options.cached, shlex.split(options.engine), Path(folder))
    if not found:
        print(f"{options.image} is, bit for bit, what its commit builds")
        return 0
    more = [f"and {len(found) - _SHOWN} more"] if len(found) > _SHOWN else []
    print("\n".join([*found[:_SHOWN], *more, f"{options.image} is not what its commit builds"]))
    return 1


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except BaseError as problem:
        sys.exit(f"verify-image: {problem}")
