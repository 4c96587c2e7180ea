"""A repository in a registry, by the OCI distribution specification 1.1: what is there, and putting more there.

Who may do so is what ``docker login`` has stored.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import requests
from oras.container import Container
from oras.provider import Registry as Client

from packages import BaseError
from publish.oci import EMPTY, INDEX, MANIFEST, Descriptor, digest_of, is_digest, written

_BLOCK: Final = 1 << 20
_ANSWER_SECONDS: Final = 20
_LOCAL: Final = ("127.0.0.1", "localhost", "[::1]")


class Missing(BaseError):
    """The registry has no such thing."""


class Repository:
    """A repository such as ``registry/owner/name``. Every method raises BaseError when the registry refuses."""

    def __init__(self, name: str) -> None:
        try:
            self._at = Container(name)
        except ValueError as problem:
            raise BaseError(f"{name} names no repository", str(problem), "name it as REGISTRY/OWNER/NAME") from problem
        self.name = name
        # As engines do: without TLS on this machine only.
        local = self._at.registry.rsplit(":", 1)[0] in _LOCAL
        self._client = Client(hostname=self._at.registry, insecure=local, auth_backend=self._scheme(local))
        folder = os.environ.get("DOCKER_CONFIG")
        self._client.auth.load_configs(self._at, configs=[f"{folder}/config.json"] if folder else None)

    def _scheme(self, local: bool) -> str:
        """How the registry wants to be shown who asks; also finds out at once that there is none."""
        address = f"{'http' if local else 'https'}://{self._at.registry}/v2/"
        try:
            asked = requests.get(address, timeout=_ANSWER_SECONDS)
        except requests.RequestException as problem:
            raise BaseError(
                f"{self._at.registry} does not answer", str(problem), "check its name and the network"
            ) from problem
        return "basic" if asked.headers.get("WWW-Authenticate", "").lower().startswith("basic") else "token"

    def _ask(self, method: str, url: str, **more: Any) -> requests.Response:
        try:
            answer: requests.Response = self._client.do_request(f"{self._client.prefix}://{url}", method, **more)
        except (requests.RequestException, ValueError) as problem:
            raise BaseError(
                f"{self._at.registry} cannot be used", str(problem),
                f"docker login {self._at.registry}, or name another",
            ) from problem  # fmt: skip
        if answer.status_code == 404:
            raise Missing(f"{self.name} has no {url.rsplit('/', 1)[1]}", "the registry answered 404", "push it first")
        if answer.status_code >= 400:
            raise BaseError(
                f"{self._at.registry} refused to {method} {url.partition('/')[2]}",
                f"it answered {answer.status_code}: {answer.text[:300]}",
                f"docker login {self._at.registry} as somebody who may",
            )
        return answer

    def manifest(self, reference: str) -> tuple[Descriptor, dict[str, Any]]:
        """The manifest or index that a tag or digest names; its bytes are compared with their digest."""
        headers = {"Accept": f"{INDEX}, {MANIFEST}"}
        content = self._ask("GET", self._at.manifest_url(reference), headers=headers).content
        if is_digest(reference) and digest_of(content) != reference:
            raise BaseError(
                f"the registry sent something else for {reference}",
                f"its SHA-256 is {digest_of(content)}", "trust nothing that it sends; push the release anew",
            )  # fmt: skip
        document = json.loads(content)
        return Descriptor.of(document.get("mediaType", MANIFEST), content), document

    def blob(self, wanted: Descriptor, limit: int = 64 << 20) -> bytes:
        """A small blob, compared with its digest; ``limit`` is in bytes."""
        return b"".join(self._stream(wanted, limit))

    def check(self, wanted: Descriptor) -> None:
        """Read a blob of any size and compare it with its digest."""
        for _ in self._stream(wanted, wanted.size):
            pass

    def _stream(self, wanted: Descriptor, limit: int) -> Iterator[bytes]:
        digest, size = hashlib.sha256(), 0
        with self._ask("GET", self._at.get_blob_url(wanted.digest), stream=True) as answer:
            for block in answer.iter_content(_BLOCK):
                size += len(block)
                if size > limit:
                    break
                digest.update(block)
                yield block
        if (size, f"sha256:{digest.hexdigest()}") != (wanted.size, wanted.digest):
            raise BaseError(
                f"the registry sent something else for {wanted.digest}",
                f"it is {size} bytes with the SHA-256 {digest.hexdigest()}, not {wanted.size}",
                "trust nothing that it sends; push the release anew",
            )

    def put_blob(self, path: Path, wanted: Descriptor) -> None:
        """Put a file there, unless it is there already."""
        part = wanted.as_json()
        if not self._client.blob_exists(part, self._at):
            done = self._client.put_upload(str(path), self._at, part)
            if done.status_code != 201:
                raise BaseError(
                    f"{self._at.registry} did not take {wanted.digest}",
                    f"it answered {done.status_code}: {done.text[:300]}",
                    f"docker login {self._at.registry} as somebody who may push to {self.name}",
                )  # fmt: skip

    def put_manifest(self, content: bytes, media_type: str, tag: str = "") -> bool:
        """Put a manifest there, under its digest alone or under a tag; returns whether the registry lists referrers."""
        url = self._at.manifest_url(tag or digest_of(content))
        answer = self._ask("PUT", url, data=content, headers={"Content-Type": media_type})
        return "OCI-Subject" in answer.headers

    def attach(self, subject: Descriptor, media_type: str, content: bytes, annotations: dict[str, str]) -> str:
        """Attach a document to a manifest, as cosign and GitHub do; returns its digest."""
        empty = Descriptor.of(EMPTY, b"{}")
        layer = Descriptor.of(media_type, content)
        with tempfile.TemporaryDirectory() as folder:
            for part, bytes_ in ((empty, b"{}"), (layer, content)):
                path = Path(folder) / "blob"
                path.write_bytes(bytes_)
                self.put_blob(path, part)
        manifest = written(
            {
                "schemaVersion": 2,
                "mediaType": MANIFEST,
                "artifactType": media_type,
                "config": empty.as_json(),
                "layers": [layer.as_json()],
                "subject": Descriptor(subject.media_type, subject.digest, subject.size).as_json(),
                "annotations": annotations,
            }
        )
        own = Descriptor.of(MANIFEST, manifest, artifactType=media_type, annotations=annotations)
        if not self.put_manifest(manifest, MANIFEST):
            self._list(subject.digest, own)
        return own.digest

    def _list(self, subject: str, own: Descriptor) -> None:
        """Name a referrer where a registry without a list of them has it: an index under a tag."""
        found = {entry.digest: entry for entry in self._fallback(subject)}
        found[own.digest] = own
        entries = [found[digest].as_json() for digest in sorted(found)]
        index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}
        self.put_manifest(written(index), INDEX, subject.replace(":", "-"))

    def _fallback(self, subject: str) -> list[Descriptor]:
        try:
            return [Descriptor.read(entry) for entry in self.manifest(subject.replace(":", "-"))[1]["manifests"]]
        except Missing:
            return []

    def attached(self, subject: str, media_type: str) -> Iterator[bytes]:
        """The documents of this type that are attached to a manifest."""
        try:
            url = self._at.manifest_url(subject).replace("/manifests/", "/referrers/")
            entries = [Descriptor.read(entry) for entry in self._ask("GET", url).json()["manifests"]]
        except Missing:
            entries = self._fallback(subject)
        for entry in entries:
            _, manifest = self.manifest(entry.digest)
            if manifest.get("artifactType") == media_type and manifest.get("subject", {}).get("digest") == subject:
                yield self.blob(Descriptor.read(manifest["layers"][0]))
