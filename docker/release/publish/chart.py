"""The Helm chart in a registry: pushed once for each of its versions, and never changed there."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import tempfile
from pathlib import Path
from typing import Final

import helm_python
import yaml

from packages import BaseError, load_lock
from publish.oci import MANIFEST, Descriptor, written
from publish.registry import Missing, Repository
from publish.versions import ROOT, of_chart

FOLDER: Final = ROOT / "helm" / "slipway"
# Helm's own media types.
CONFIG: Final = "application/vnd.cncf.helm.config.v1+json"
_CONTENT: Final = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"


def push(repository: Repository) -> tuple[Descriptor, bool]:
    """Push the chart unless its version is there; returns its manifest and whether it is new.

    Raises BaseError when the version is there with other content.
    """
    version = of_chart()[0]
    archive = package(FOLDER)
    metadata = json.dumps(yaml.safe_load((FOLDER / "Chart.yaml").read_text(encoding="utf-8")), sort_keys=True).encode()
    config, content = Descriptor.of(CONFIG, metadata), Descriptor.of(_CONTENT, archive)
    manifest = written(
        {"schemaVersion": 2, "mediaType": MANIFEST, "config": config.as_json(), "layers": [content.as_json()]}
    )
    own = Descriptor.of(MANIFEST, manifest)
    try:
        there = repository.manifest(version)[0]
    except Missing:
        there = None
    if there is not None and there.digest != own.digest:
        raise BaseError(
            f"the chart {version} is released already, and was another",
            f"there it is {there.digest}, here {own.digest}",
            "raise version in helm/slipway/Chart.yaml",
        )
    with tempfile.TemporaryDirectory() as folder:
        for part, bytes_ in ((config, metadata), (content, archive)):
            path = Path(folder) / "blob"
            path.write_bytes(bytes_)
            repository.put_blob(path, part)
    repository.put_manifest(manifest, MANIFEST, version)
    return own, there is None


def package(chart: Path) -> bytes:
    """The archive that Helm packs, with nothing in it that changes from one run to the next."""
    with tempfile.TemporaryDirectory() as folder:
        packed = helm_python.package(chart, destination=folder)
        with tarfile.open(packed) as old:
            files = {member.name: old.extractfile(member) for member in old if member.isreg()}
            contents = {name: file.read() for name, file in sorted(files.items()) if file is not None}
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.PAX_FORMAT) as new:
        for name, content in contents.items():
            info = tarfile.TarInfo(name)
            info.size, info.mtime = len(content), load_lock("full").epoch
            new.addfile(info, io.BytesIO(content))
    return gzip.compress(plain.getvalue(), mtime=0)
