"""Writes the archive that ``docker load`` and ``podman load`` read, with nothing in it that changes between runs."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_BLOCK = 1 << 20


@dataclass(frozen=True)
class Layer:
    """An uncompressed layer on disk; ``digest`` is the SHA-256 of its bytes, in hexadecimal."""

    path: Path
    digest: str


@dataclass(frozen=True)
class Image:
    """An image's configuration (as the engine reads it), its layers from the bottom up, and its names."""

    config: dict[str, Any]
    layers: tuple[Layer, ...]
    tags: tuple[str, ...]

    def config_bytes(self) -> bytes:
        """The configuration in its one written form."""
        return json.dumps(self.config, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()

    @property
    def identity(self) -> str:
        """The image id without its ``sha256:`` prefix."""
        return hashlib.sha256(self.config_bytes()).hexdigest()


def timestamp(epoch: int) -> str:
    """Seconds since 1970 as the text an image configuration holds."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(epoch))


def sha256_of(path: Path) -> str:
    """SHA-256 of a file in hexadecimal, read in blocks."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def write_archive(target: Path, images: list[Image]) -> None:
    """Write the images to ``target``; a layer that several of them share is stored once."""
    with tarfile.open(target, "w", format=tarfile.PAX_FORMAT) as tar:
        add_bytes = _adder(tar)
        manifest = []
        stored: set[str] = set()
        for image in images:
            config_name = f"{image.identity}.json"
            if config_name not in stored:
                stored.add(config_name)
                add_bytes(config_name, image.config_bytes())
            for layer in image.layers:
                if layer.digest in stored:
                    continue
                stored.add(layer.digest)
                info = tarfile.TarInfo(_layer_name(layer))
                info.size = layer.path.stat().st_size
                with layer.path.open("rb") as file:
                    tar.addfile(info, file)
            layers = [_layer_name(layer) for layer in image.layers]
            manifest.append({"Config": config_name, "Layers": layers, "RepoTags": list(image.tags)})
        add_bytes("manifest.json", json.dumps(manifest, sort_keys=True, separators=(",", ":")).encode())


def _layer_name(layer: Layer) -> str:
    return f"{layer.digest}.tar"


def _adder(tar: tarfile.TarFile) -> Callable[[str, bytes], None]:
    def add(name: str, content: bytes) -> None:
        info = tarfile.TarInfo(name)
        info.size = len(content)
        tar.addfile(info, io.BytesIO(content))

    return add
