"""The layers of an image, as `docker save` hands them out."""

from __future__ import annotations

import json
import tarfile
import tempfile
import zlib
from collections.abc import Container
from dataclasses import dataclass
from typing import IO, Final

import docker

# gzip's own default, which registries and engines use; the size depends on nothing else.
LEVEL: Final = 6
GZIP: Final = 31
CHUNK: Final = 1 << 20


@dataclass(frozen=True)
class Layer:
    """Sizes in bytes: the tar as it is, and compressed."""

    diff_id: str
    plain: int
    compressed: int


def of(client: docker.DockerClient, image: str, without: Container[str] = ()) -> list[Layer]:
    """The layers of `image`, except those whose diff id is in `without`. Raises ImageNotFound."""
    found = client.images.get(image)
    ids = [str(diff_id) for diff_id in found.attrs["RootFS"]["Layers"]]
    with tempfile.TemporaryFile() as saved:
        for chunk in client.api.get_image(str(found.id), chunk_size=CHUNK):
            saved.write(chunk)
        saved.seek(0)
        with tarfile.open(fileobj=saved) as archive:
            names = json.load(_member(archive, "manifest.json"))[0]["Layers"]
            pairs = zip(ids, names, strict=True)
            return [Layer(key, *sizes(_member(archive, name))) for key, name in pairs if key not in without]


def sizes(stream: IO[bytes]) -> tuple[int, int]:
    """Bytes of a layer plain and compressed; one that the engine keeps compressed is unpacked first."""
    start = stream.read(2)
    unpack = zlib.decompressobj(GZIP) if start == b"\x1f\x8b" else None
    pack = zlib.compressobj(LEVEL, wbits=GZIP)
    plain, compressed, chunk = 0, 0, start
    while chunk:
        data = unpack.decompress(chunk) if unpack else chunk
        plain += len(data)
        compressed += len(pack.compress(data))
        chunk = stream.read(CHUNK)
    return plain, compressed + len(pack.flush())


def _member(archive: tarfile.TarFile, name: str) -> IO[bytes]:
    member = archive.extractfile(name)
    if member is None:
        raise RuntimeError(f"the saved image has no file {name}: is this engine's `docker save` of another format?")
    return member
