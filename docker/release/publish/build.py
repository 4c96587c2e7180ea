"""A release on disk: each image as an OCI layout, what is in it, how it came to be, and the packages it wants."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import sbom.__main__ as sbom
from archive import timestamp
from mirrors import discover
from packages import BaseError, load_lock
from publish import layout, provenance
from publish.versions import ROOT, TARGETS
from repack import repack
from rootfs import cache_folder, fetch

# The locks that an image of each kind is built with.
_BASES: Final = {"full": ("full", "tools"), "slim": ("runtime", "tools"), "builder": ("tools",)}


def build(version: str, folder: Path, engine: Sequence[str], targets: Sequence[str] = tuple(TARGETS)) -> None:
    """Build the images of a release into a folder that is not there yet. Raises BaseError."""
    _must_be_clean()
    if folder.exists():
        raise BaseError(f"{folder} is there already", "a release is written once", f"rm -r {folder}, or another FOLDER")
    epoch = load_lock("full").epoch
    tag = f"release-{version}"
    _must(["sh", "docker/build.sh", *targets], {"TAG": tag, "VERSION": version})
    tools = _answer(["python3", "docker/base/rootfs.py", "tools", "--engine", " ".join(engine)])
    # Beside the result and under another name until it is whole.
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".release-", dir=folder.parent) as name:
        work = Path(name) / "release"
        work.mkdir()
        for target in targets:
            architecture = _one(version, target, f"slipway:{tag}{TARGETS[target]}", work, engine, tools, epoch)
        _packages(work / f"debian-{architecture}.tar", targets, architecture, epoch)
        work.replace(folder)


def _one(version: str, target: str, image: str, folder: Path, engine: Sequence[str], tools: str, epoch: int) -> str:
    _say(f"packing {image}")
    saved, packed = folder / "saved.tar", folder / "packed.tar"
    with saved.open("wb") as file:
        subprocess.run([*engine, "save", image], check=True, stdout=file)
    repack(saved, packed, epoch)
    saved.unlink()
    # From here on the engine has what is released, not what BuildKit wrote.
    subprocess.run([*engine, "load", "--quiet", "--input", str(packed)], check=True, stdout=sys.stderr)
    made = layout.write(packed, folder / target, engine, tools)
    packed.unlink()
    config = made.config
    architecture = str(config["architecture"])
    with tempfile.TemporaryDirectory(dir=folder) as listed:
        complaints = sbom.main([image, listed, "--engine", " ".join(engine)])
        for name in sorted(os.listdir(listed)):
            shutil.move(Path(listed, name), folder / f"{target}-{architecture}.{name.removeprefix('sbom.')}")
    if complaints:
        fix = "each names the file that says so"
        raise BaseError(f"{image} is not what its documents say", "what is wrong is named above", fix)
    document = provenance.predicate(version, target, f"{config['os']}/{architecture}")
    (folder / f"{target}-{architecture}.provenance.json").write_text(
        json.dumps(document, indent=1) + "\n", encoding="utf-8"
    )
    _say(f"{image}: manifest {made.manifest.digest}, image id {made.identity}")
    return architecture


def _packages(target: Path, targets: Sequence[str], architecture: str, epoch: int) -> None:
    """Keep the locked Debian packages in the mirror's own folders: ``DEBIAN_MIRROR=file://FOLDER`` builds from them."""
    locks = sorted({name for each in targets for name in _BASES[each]})
    wanted = {package for name in locks for package in load_lock(name).for_architecture(architecture)}
    mirrors, cache = discover(), cache_folder()
    cache.mkdir(parents=True, exist_ok=True)
    with tarfile.open(target, "w", format=tarfile.PAX_FORMAT) as tar:
        for package in sorted(wanted):
            path = fetch(package, mirrors, cache)
            info = tarfile.TarInfo(package.path)
            info.size, info.mtime = path.stat().st_size, epoch
            with path.open("rb") as file:
                tar.addfile(info, file)
    _say(f"{target.name}: {len(wanted)} packages as they were on {timestamp(epoch)}")


def _must_be_clean() -> None:
    changed = _answer(["git", "status", "--porcelain"])
    if changed:
        raise BaseError(
            "a release is built from a commit", f"not committed: {changed.splitlines()[0].split()[-1]}",
            "commit or remove what `git status` names",
        )  # fmt: skip


def _must(words: Sequence[str], variables: dict[str, str]) -> None:
    done = subprocess.run(words, cwd=ROOT, env={**os.environ, **variables}, check=False)
    if done.returncode:
        raise BaseError("the release was not built", f"{words[1]} ended with {done.returncode}", "it says why above")


def _answer(words: Sequence[str]) -> str:
    return subprocess.run(words, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def _say(text: str) -> None:
    print(f"release: {text}", file=sys.stderr, flush=True)
