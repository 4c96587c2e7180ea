"""Putting a release into a registry: images by digest, then an index over the architectures with the tag."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from packages import BaseError
from publish import layout
from publish.layout import Layout
from publish.oci import INDEX, MANIFEST, Descriptor, written
from publish.registry import Missing, Repository
from publish.versions import TARGETS


def images(folder: Path) -> dict[str, Layout]:
    """The images of a release by target. Raises BaseError when the folder holds none."""
    found = {target: Layout(folder / target) for target in TARGETS if (folder / target).is_dir()}
    if not found:
        raise BaseError(f"{folder} holds no release", "no image is there", "make release-build VERSION=x.y.z")
    return found


def load(folder: Path, engine: Sequence[str], tag: str) -> None:
    """Load a release into the engine, as ``slipway:TAG`` and its companions, to be tested. Raises BaseError."""
    for target, image in images(folder).items():
        name = f"slipway:{tag}{TARGETS[target]}"
        with tempfile.TemporaryDirectory(prefix=".load-", dir=folder) as work:
            archive = Path(work) / "image.tar"
            layout.to_archive(image, archive, name)
            done = subprocess.run([*engine, "load", "--quiet", "--input", str(archive)], check=False)
        if done.returncode:
            raise BaseError(f"{name} was not loaded", f"the engine ended with {done.returncode}", "it says why above")


def push(folder: Path, repository: Repository) -> dict[str, Descriptor]:
    """Push each image by its digest, under no tag; returns their manifests by target."""
    done = {}
    for target, image in images(folder).items():
        for part in image.parts:
            repository.put_blob(image.blob(part.digest), part)
        done[target] = image.manifest
        repository.put_manifest(image.blob(image.manifest.digest).read_bytes(), MANIFEST)
    return done


def index_of(folders: Sequence[Path], target: str) -> bytes:
    """The index over one target's images of several architectures. Raises BaseError when two are for the same."""
    manifests = [images(folder)[target].manifest for folder in folders]
    platforms = [str(manifest.more.get("platform")) for manifest in manifests]
    if len(set(platforms)) != len(platforms):
        raise BaseError(f"two images are for {platforms[0]}", "an index names one for each", "name other FOLDERS")
    ordered = sorted(manifests, key=lambda manifest: str(manifest.more.get("platform")))
    return written({"schemaVersion": 2, "mediaType": INDEX, "manifests": [manifest.as_json() for manifest in ordered]})


def index(folders: Sequence[Path], repository: Repository) -> dict[str, Descriptor]:
    """Push the indexes by their digests, under no tag; returns them by target."""
    made = {}
    for target in images(folders[0]):
        content = index_of(folders, target)
        repository.put_manifest(content, INDEX)
        made[target] = Descriptor.of(INDEX, content)
    return made


def tag(folders: Sequence[Path], repository: Repository, version: str) -> dict[str, Descriptor]:
    """Put the indexes under the release's tags; returns them by tag. Raises BaseError when a tag means another."""
    made = {}
    for target in images(folders[0]):
        name = f"{version}{TARGETS[target]}"
        content = index_of(folders, target)
        own = Descriptor.of(INDEX, content)
        try:
            there = repository.manifest(name)[0].digest
        except Missing:
            there = own.digest
        if there != own.digest:
            raise BaseError(
                f"{repository.name}:{name} is released already", f"it is {there}, and this is {own.digest}",
                "a release is never moved: raise the version",
            )  # fmt: skip
        repository.put_manifest(content, INDEX, name)
        made[name] = own
    return made
