"""Names and forms of the OCI image specification 1.1 that a release is written in."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
INDEX: Final = "application/vnd.oci.image.index.v1+json"
CONFIG: Final = "application/vnd.oci.image.config.v1+json"
LAYER: Final = "application/vnd.oci.image.layer.v1.tar+gzip"
EMPTY: Final = "application/vnd.oci.empty.v1+json"
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True)
class Descriptor:
    """What names some bytes: their media type, digest (``sha256:...``) and size in bytes."""

    media_type: str
    digest: str
    size: int
    more: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The descriptor as manifests hold it."""
        return {"mediaType": self.media_type, "digest": self.digest, "size": self.size, **self.more}

    @classmethod
    def of(cls, media_type: str, content: bytes, **more: object) -> Descriptor:
        """The descriptor of these bytes."""
        return cls(media_type, digest_of(content), len(content), more)

    @classmethod
    def read(cls, found: Mapping[str, Any]) -> Descriptor:
        """A descriptor out of a manifest. Raises ValueError when it is none."""
        match found:
            case {"mediaType": str(kind), "digest": str(digest), "size": int(size)} if _DIGEST.fullmatch(digest):
                more = {key: value for key, value in found.items() if key not in ("mediaType", "digest", "size")}
                return cls(kind, digest, size, more)
        raise ValueError(f"no descriptor of bytes by their SHA-256: {json.dumps(found)[:200]}")


def is_digest(text: str) -> bool:
    """Whether this is a digest in the form that releases use."""
    return bool(_DIGEST.fullmatch(text))


def digest_of(content: bytes) -> str:
    """The digest of some bytes, as ``sha256:...``."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def written(document: object) -> bytes:
    """A document in its one written form, so that equal content has equal digests."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
