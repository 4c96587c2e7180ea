"""Whether an image in a registry is a release: signed by whom one trusts, whole, and under its own tag."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from packages import BaseError
from publish import statement
from publish.bundle import MEDIA_TYPE, Trust, opened
from publish.chart import CONFIG as CHART
from publish.oci import INDEX, Descriptor, is_digest
from publish.registry import Repository
from publish.statement import CYCLONEDX, PROVENANCE, SIGNATURE, SPDX
from publish.versions import TARGETS

REQUIRED = (SIGNATURE, PROVENANCE, CYCLONEDX, SPDX)


def verify(image: str, trust: Trust) -> list[str]:
    """Verify an image by tag or digest and return what was found. Raises BaseError when it is no release."""
    name, reference = split(image)
    repository = Repository(name)
    top, document = repository.manifest(reference)
    lines = [f"{image} is {top.digest}"]
    if top.media_type == INDEX:
        _statements(repository, top, trust, (SIGNATURE,))
        lines.append("its index is signed")
        children = [Descriptor.read(entry) for entry in document["manifests"]]
    else:
        children = [top]
    tag = "" if is_digest(reference) else reference
    if document.get("config", {}).get("mediaType") == CHART:
        return [*lines, *_chart(repository, top, document, trust, tag)]
    for child in children:
        lines += _image(repository, child, trust, tag)
    return lines


def split(image: str) -> tuple[str, str]:
    """Repository and reference of an image's name. Raises BaseError when it names none."""
    name, _, digest = image.partition("@")
    if digest:
        if not is_digest(digest):
            raise BaseError(f"{image} names no image", "behind @ stands no sha256:...", "NAME:TAG or NAME@sha256:...")
        # What a tag beside a digest says is compared with nothing by engines either.
        folder, _, last = name.rpartition("/")
        return f"{folder}/{last.partition(':')[0]}" if folder else last.partition(":")[0], digest
    folder, _, last = image.rpartition("/")
    last, _, tag = last.partition(":")
    if not tag:
        raise BaseError(f"{image} names no release", "it has neither tag nor digest", "NAME:TAG or NAME@sha256:...")
    return (f"{folder}/{last}" if folder else last), tag


def _chart(repository: Repository, top: Descriptor, manifest: dict[str, Any], trust: Trust, tag: str) -> list[str]:
    _statements(repository, top, trust, (SIGNATURE,))
    version = json.loads(repository.blob(Descriptor.read(manifest["config"])))["version"]
    if tag and tag != version:
        raise _moved(repository, tag, version)
    return [f"the chart {version}, signed; {_check(repository, manifest)} blobs, each with its digest"]


def _moved(repository: Repository, tag: str, own: str) -> BaseError:
    return BaseError(
        f"{repository.name}:{tag} is not what its tag says", f"what is signed there is {own}",
        f"use {repository.name}:{own}, and find out who moved the tag",
    )  # fmt: skip


def _check(repository: Repository, manifest: dict[str, Any]) -> int:
    parts = [Descriptor.read(entry) for entry in (manifest["config"], *manifest["layers"])]
    for part in parts:
        repository.check(part)
    return len(parts)


def _image(repository: Repository, child: Descriptor, trust: Trust, tag: str) -> list[str]:
    _, manifest = repository.manifest(child.digest)
    found = _statements(repository, child, trust, REQUIRED)
    built = found[PROVENANCE]["buildDefinition"]
    release: dict[str, str] = built["externalParameters"]
    own = f"{release['version']}{TARGETS.get(release['target'], '')}"
    if tag and tag != own:
        raise _moved(repository, tag, own)
    blobs = _check(repository, manifest)
    commit = built["resolvedDependencies"][0]["digest"]["gitCommit"]
    return [
        f"{release['platform']}: {child.digest}, {release['target']} {release['version']}, commit {commit}",
        f"  built by {found[PROVENANCE]['runDetails']['builder']['id']}",
        f"  {blobs} blobs, each with its digest; signed: {', '.join(sorted(found))}",
    ]


def _statements(
    repository: Repository, subject: Descriptor, trust: Trust, required: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """The predicates that somebody trusted has signed about this very manifest, by their types."""
    attached = list(repository.attached(subject.digest, MEDIA_TYPE))
    said = [statement.read(payload) for payload in opened(trust, attached)]
    found = {each.kind: each.predicate for each in said if subject.digest in each.subjects}
    for kind in required:
        if kind not in found:
            raise BaseError(
                f"{repository.name}@{subject.digest} is not to be trusted: no {kind}",
                f"{len(attached)} statements are attached, {len(found)} of them about it and signed by whom you trust",
                "do not run it; ask who published it, or verify with the right key or identity",
            )
    return found
