"""An OCI image layout: a folder with an image in the very bytes that a registry gets."""

from __future__ import annotations

import hashlib
import json
import subprocess
import tarfile
import tempfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any, Final

from archive import Image, Layer, write_archive
from packages import BaseError
from publish.oci import CONFIG, INDEX, LAYER, MANIFEST, Descriptor, digest_of, written

_BLOCK: Final = 1 << 20
# Run by the locked Python of the build tools: another zlib may write other bytes for the same layer.
_GZIP: Final = """
import sys, zlib
packer = zlib.compressobj(6, zlib.DEFLATED, 31)
while block := sys.stdin.buffer.read(1 << 20):
    sys.stdout.buffer.write(packer.compress(block))
sys.stdout.buffer.write(packer.flush())
"""


class Layout:
    """One image in a folder. ``path`` is the folder's."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def blob(self, digest: str) -> Path:
        """Where the bytes of a digest are."""
        return self.path / "blobs" / "sha256" / digest.removeprefix("sha256:")

    @property
    def manifest(self) -> Descriptor:
        """The image's manifest. Raises BaseError when the folder holds none."""
        try:
            index = json.loads((self.path / "index.json").read_bytes())
            return Descriptor.read(index["manifests"][0])
        except (OSError, ValueError, LookupError) as problem:
            raise BaseError(
                f"{self.path} holds no image", str(problem), "build it: make release-build VERSION=x.y.z"
            ) from problem

    def read(self, digest: str) -> Any:
        """A JSON document of the image. Raises BaseError when it is not what its digest says."""
        content = self.blob(digest).read_bytes()
        if digest_of(content) != digest:
            raise BaseError(f"{self.blob(digest)} was changed", "its SHA-256 is another", "build the release anew")
        return json.loads(content)

    @property
    def parts(self) -> list[Descriptor]:
        """Configuration and layers, from the bottom up."""
        manifest = self.read(self.manifest.digest)
        return [Descriptor.read(found) for found in (manifest["config"], *manifest["layers"])]

    @property
    def identity(self) -> str:
        """The image id that an engine shows once it has loaded the image."""
        return self.parts[0].digest

    @property
    def config(self) -> dict[str, Any]:
        """The image's configuration."""
        found: dict[str, Any] = self.read(self.identity)
        return found


def write(archive: Path, folder: Path, engine: Sequence[str], tools: str) -> Layout:
    """Write the repacked archive of one image as a layout; ``tools`` is the image whose zlib compresses."""
    layout = Layout(folder)
    (folder / "blobs" / "sha256").mkdir(parents=True)
    with tarfile.open(archive) as file:
        entry = json.load(_member(file, "manifest.json"))[0]
        config = _member(file, entry["Config"]).read()
        layers = [_compressed(layout, _member(file, name), engine, tools) for name in entry["Layers"]]
    _keep(layout, config)
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": Descriptor.of(CONFIG, config).as_json(),
        "layers": [layer.as_json() for layer in layers],
    }
    _keep(layout, written(manifest))
    settings = json.loads(config)
    platform = {key: settings[key] for key in ("architecture", "os", "variant") if settings.get(key)}
    descriptor = Descriptor.of(MANIFEST, written(manifest), platform=platform)
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [descriptor.as_json()]}
    (folder / "index.json").write_bytes(written(index))
    (folder / "oci-layout").write_bytes(written({"imageLayoutVersion": "1.0.0"}))
    return layout


def _member(file: tarfile.TarFile, name: str) -> IO[bytes]:
    found = file.extractfile(name)
    assert found is not None, name
    return found


def _keep(layout: Layout, content: bytes) -> None:
    layout.blob(digest_of(content)).write_bytes(content)


def _compressed(layout: Layout, plain: IO[bytes], engine: Sequence[str], tools: str) -> Descriptor:
    unfinished = layout.path / "layer"
    words = [*engine, "run", "--rm", "--interactive", "--network", "none", tools, "python3", "-I", "-c", _GZIP]
    with unfinished.open("wb") as target:
        process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=target)
        assert process.stdin is not None
        with process.stdin as source:
            while block := plain.read(_BLOCK):
                source.write(block)
    if process.wait():
        raise BaseError("a layer was not compressed", f"{words[0]} run ended with {process.returncode}", "see above")
    digest = hashlib.sha256()
    with unfinished.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    found = Descriptor(LAYER, f"sha256:{digest.hexdigest()}", unfinished.stat().st_size)
    unfinished.replace(layout.blob(found.digest))
    return found


def to_archive(layout: Layout, target: Path, tag: str) -> None:
    """Write the archive that ``docker load`` reads, byte for byte the layers that were packed."""
    with tempfile.TemporaryDirectory(prefix=".layers-", dir=target.parent) as folder:
        layers = []
        for number, part in enumerate(layout.parts[1:]):
            path = Path(folder) / f"{number}.tar"
            layers.append(Layer(path, _unpacked(layout.blob(part.digest), path)))
        write_archive(target, [Image(layout.config, tuple(layers), (tag,))])


def _unpacked(source: Path, target: Path) -> str:
    digest, unpacker = hashlib.sha256(), zlib.decompressobj(31)
    with source.open("rb") as packed, target.open("wb") as plain:
        while block := packed.read(_BLOCK):
            content = unpacker.decompress(block)
            digest.update(content)
            plain.write(content)
    return digest.hexdigest()
