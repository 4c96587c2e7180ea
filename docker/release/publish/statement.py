"""What is said of an image, in in-toto's form: its predicate, and whose digests it is about."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from packages import BaseError
from publish.oci import Descriptor, written

TYPE: Final = "https://in-toto.io/Statement/v1"
PAYLOAD: Final = "application/vnd.in-toto+json"
# Each by the name that its own specification gives it; the first is what cosign signs.
SIGNATURE: Final = "https://sigstore.dev/cosign/sign/v1"
PROVENANCE: Final = "https://slsa.dev/provenance/v1"
CYCLONEDX: Final = "https://cyclonedx.org/bom"
SPDX: Final = "https://spdx.dev/Document"
VEX: Final = "https://openvex.dev/ns"


@dataclass(frozen=True)
class Statement:
    """A statement of one type about some digests (``sha256:...``)."""

    kind: str
    subjects: tuple[str, ...]
    predicate: dict[str, Any]

    def payload(self, name: str) -> bytes:
        """The bytes that are signed; ``name`` is the repository's."""
        about = [{"name": name, "digest": {"sha256": digest.removeprefix("sha256:")}} for digest in self.subjects]
        return written({"_type": TYPE, "subject": about, "predicateType": self.kind, "predicate": self.predicate})


def about(kind: str, subjects: Sequence[Descriptor], predicate: dict[str, Any]) -> Statement:
    """A statement about some manifests."""
    return Statement(kind, tuple(subject.digest for subject in subjects), predicate)


def read(payload: bytes) -> Statement:
    """A statement out of its signed bytes. Raises BaseError when it is none."""
    match json.loads(payload):
        case {
            "_type": str(kind),
            "predicateType": str(predicate_type),
            "predicate": dict(predicate),
            "subject": [*all],
        }:
            if kind == TYPE:
                digests = tuple(f"sha256:{entry['digest']['sha256']}" for entry in all)
                return Statement(predicate_type, digests, predicate)
    raise BaseError("what is attached is no statement", f"it is not of the type {TYPE}", "sign the release anew")
