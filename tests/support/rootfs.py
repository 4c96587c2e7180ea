"""What an image holds, read from the engine's export of it: no tool inside the image is needed."""

from __future__ import annotations

import re
import stat
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import docker

_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----", re.S)
# No bundle of certificates is larger; longer files are data.
_PEM_FILE_LIMIT = 4_000_000
_PYC_HEADER = 16


@dataclass(frozen=True)
class Entry:
    """A path of the image. `head` is the header of a .pyc file; `certificates` are the bodies of PEM blocks."""

    path: str
    mode: int
    uid: int
    gid: int
    size: int
    kind: bytes
    head: bytes
    certificates: frozenset[bytes]
    gives_capabilities: bool

    @property
    def is_link(self) -> bool:
        return self.kind == tarfile.SYMTYPE

    @property
    def is_file(self) -> bool:
        return self.kind in (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.LNKTYPE)

    @property
    def is_directory(self) -> bool:
        return self.kind == tarfile.DIRTYPE

    @property
    def takes_identity(self) -> bool:
        """Set-uid or set-gid."""
        return self.is_file and bool(self.mode & (stat.S_ISUID | stat.S_ISGID))

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]


def certificates(text: bytes) -> frozenset[bytes]:
    """The bodies of the PEM certificates in `text`, without white space."""
    return frozenset(b"".join(body.split()) for body in _PEM.findall(text))


def read(client: docker.DockerClient, image: str) -> dict[str, Entry]:
    """Every path of `image`, from a container that is created, exported and removed without being started."""
    container = client.containers.create(image)
    try:
        with tempfile.TemporaryFile() as archive:
            for chunk in container.export():
                archive.write(cast(bytes, chunk))
            archive.seek(0)
            with tarfile.open(fileobj=archive) as tar:
                return {entry.path: entry for entry in _entries(tar)}
    finally:
        container.remove(force=True)


def _entries(tar: tarfile.TarFile) -> Iterator[Entry]:
    for member in tar:
        head, found = b"", frozenset[bytes]()
        if member.isreg() and (content := tar.extractfile(member)):
            if member.name.endswith(".pyc"):
                head = content.read(_PYC_HEADER)
            elif member.size < _PEM_FILE_LIMIT:
                found = certificates(content.read())
        path = f"/{member.name.strip('/')}"
        capable = "SCHILY.xattr.security.capability" in member.pax_headers
        yield Entry(path, member.mode, member.uid, member.gid, member.size, member.type, head, found, capable)
