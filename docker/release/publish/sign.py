"""What is said of a release, signed and attached to it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from publish.bundle import MEDIA_TYPE, Signer
from publish.oci import INDEX, Descriptor
from publish.push import images, index_of
from publish.registry import Repository
from publish.statement import CYCLONEDX, PROVENANCE, SIGNATURE, SPDX, VEX, Statement, about

# A statement's type, and what its predicate is called behind target and architecture.
DOCUMENTS = {
    PROVENANCE: "provenance.json",
    CYCLONEDX: "cdx.json",
    SPDX: "spdx.json",
    VEX: "vex.json",
}


def sign(folders: Sequence[Path], repository: Repository, signer: Signer) -> list[str]:
    """Sign each index and image of a release and attach what is known of each image; returns their digests."""
    done = []
    for target in images(folders[0]):
        index = Descriptor.of(INDEX, index_of(folders, target))
        attach(repository, signer, index, about(SIGNATURE, [index], {}))
        done.append(index.digest)
        for folder in folders:
            image = images(folder)[target]
            manifest, architecture = image.manifest, image.config["architecture"]
            attach(repository, signer, manifest, about(SIGNATURE, [manifest], {}))
            for kind, name in DOCUMENTS.items():
                path = folder / f"{target}-{architecture}.{name}"
                if path.exists():
                    attach(repository, signer, manifest, about(kind, [manifest], json.loads(path.read_bytes())))
            done.append(manifest.digest)
    return done


def attach(repository: Repository, signer: Signer, subject: Descriptor, statement: Statement) -> str:
    """Sign one statement and attach it to what it is about; returns the attachment's digest."""
    bundle = signer.sign(statement.payload(repository.name))
    told = {"dev.sigstore.bundle.content": "dsse-envelope", "dev.sigstore.bundle.predicateType": statement.kind}
    return repository.attach(subject, MEDIA_TYPE, bundle, told)
