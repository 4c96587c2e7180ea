"""Rewrite a ``docker save`` archive so that equal content becomes equal bytes and an equal image id.

Usage: repack.py --epoch SECONDS IN OUT

Layers get sorted entries, time stamps no later than the epoch and no names of users; the configuration loses what
only tells when and where it was built. Layers are read and written one block at a time.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import shutil
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Any

from archive import Image, Layer, sha256_of, timestamp, write_archive
from packages import BaseError

WHITEOUT = ".wh."
# Extended headers that are content; times, inode numbers and the rest differ from one build to the next.
KEPT_HEADERS = ("SCHILY.xattr.",)
# Of the configuration: what describes the image. Build hosts, container ids and builder caches are left behind.
KEPT_CONFIG = ("architecture", "author", "config", "os", "os.features", "os.version", "variant")
DROPPED_SETTINGS = ("Hostname", "Domainname", "Image", "MacAddress")
_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"


def order(name: str) -> list[tuple[bool, str]]:
    """Sort key of an entry: parents first, and whiteouts before what the same layer puts in their folder."""
    return [(not part.startswith(WHITEOUT), part) for part in PurePosixPath(name).parts]


def normal_name(name: str) -> str:
    """An entry's name without the leading ``./`` or ``/`` and the trailing slash that tools add as they like."""
    return str(PurePosixPath(name.lstrip("/")))


def rewrite_layer(source: IO[bytes], target: Path, epoch: int) -> None:
    """Write the layer in ``source`` (an uncompressed tar that can be sought) to ``target`` in its one form."""
    with (
        tarfile.open(fileobj=source, mode="r:") as old,
        tarfile.open(target, "w", format=tarfile.PAX_FORMAT, encoding="utf-8", errors="surrogateescape") as new,
    ):
        # The last entry of a name is the one that counts.
        entries = {normal_name(member.name): member for member in old}
        first_of: dict[str, str] = {}
        for name in sorted(entries, key=order):
            member = entries[name]
            content = member
            group = ""
            if member.islnk():
                group = normal_name(member.linkname)
            elif member.isreg():
                group = name
            info = clean(member, name, epoch)
            if group in entries and entries[group].isreg():
                # Whichever name of a file comes first now carries its content; the others link to that one.
                first = first_of.setdefault(group, name)
                content = entries[group]
                info.type, info.linkname = (tarfile.REGTYPE, "") if first == name else (tarfile.LNKTYPE, first)
                info.size = content.size if first == name else 0
            if info.isreg():
                new.addfile(info, old.extractfile(content))
            else:
                new.addfile(info)


def clean(member: tarfile.TarInfo, name: str, epoch: int) -> tarfile.TarInfo:
    """A copy of the entry's head that holds only what does not change from one build to the next."""
    info = tarfile.TarInfo(name)
    info.type, info.mode, info.uid, info.gid = member.type, member.mode, member.uid, member.gid
    info.size = member.size if member.isreg() else 0
    info.linkname = normal_name(member.linkname) if member.islnk() else member.linkname
    info.devmajor, info.devminor = member.devmajor, member.devminor
    info.mtime = min(int(member.mtime), epoch)
    info.pax_headers = {key: value for key, value in sorted(member.pax_headers.items()) if key.startswith(KEPT_HEADERS)}
    return info


def rewrite_config(config: dict[str, Any], diff_ids: list[str], epoch: int) -> dict[str, Any]:
    """The image configuration for the rewritten layers, without traces of the machine and the time of the build."""
    created = timestamp(epoch)
    kept = {key: config[key] for key in KEPT_CONFIG if key in config}
    settings = kept.get("config") or {}
    kept["config"] = {key: value for key, value in settings.items() if key not in DROPPED_SETTINGS}
    kept["created"] = created
    kept["history"] = [{**entry, "created": created} for entry in config.get("history") or []]
    kept["rootfs"] = {"type": "layers", "diff_ids": diff_ids}
    return kept


@contextmanager
def plain_layer(archive: tarfile.TarFile, name: str, work: Path) -> Iterator[IO[bytes]]:
    """A layer of the archive as an uncompressed stream that can be sought; engines may store it compressed."""
    stored = _member(archive, name)
    magic = stored.read(4)
    stored.seek(0)
    if magic.startswith(_ZSTD):
        raise BaseError(
            f"layer {name} cannot be read", "it is compressed with zstd, which Python cannot read",
            "save the image with an engine that stores layers as gzip or plain tar",
        )  # fmt: skip
    if not magic.startswith(_GZIP):
        yield stored
        return
    with tempfile.TemporaryFile(dir=work) as plain, gzip.open(stored) as packed:
        shutil.copyfileobj(packed, plain)
        plain.seek(0)
        yield plain


def _member(archive: tarfile.TarFile, name: str) -> IO[bytes]:
    # Newer engines store a layer that occurs twice as a link to the first.
    try:
        member = archive.extractfile(name)
    except KeyError:
        member = None
    if member is None:
        raise BaseError(
            "the archive cannot be repacked", f"it has no file {name}", "write it with: docker save IMAGE -o FILE"
        )
    return member


def repack(source: Path, target: Path, epoch: int) -> list[str]:
    """Rewrite the archive ``source`` to ``target``; returns the new image ids (``sha256:...``) in its order.

    Raises BaseError when ``source`` is not what ``docker save`` writes.
    """
    try:
        archive = tarfile.open(source, "r:")  # noqa: SIM115 (closed by the with below; only this line may raise)
    except (OSError, tarfile.TarError) as error:
        raise BaseError(f"{source} cannot be read", str(error), "write it with: docker save IMAGE -o FILE") from error
    # Beside the result, where there is room for it; /tmp may be memory.
    with archive, tempfile.TemporaryDirectory(prefix=".repack-", dir=target.parent) as folder:
        work = Path(folder)
        layers: dict[str, Layer] = {}
        images: list[Image] = []
        for entry in json.load(_member(archive, "manifest.json")):
            for name in entry["Layers"]:
                if name not in layers:
                    path = work / f"{len(layers)}.tar"
                    with plain_layer(archive, name, work) as stream:
                        rewrite_layer(stream, path, epoch)
                    layers[name] = Layer(path, sha256_of(path))
            own = tuple(layers[name] for name in entry["Layers"])
            old = json.load(_member(archive, entry["Config"]))
            config = rewrite_config(old, [f"sha256:{layer.digest}" for layer in own], epoch)
            images.append(Image(config, own, tuple(entry.get("RepoTags") or ())))
        unfinished = work / "result.tar"
        write_archive(unfinished, images)
        os.replace(unfinished, target)
    return [f"sha256:{image.identity}" for image in images]


def main(arguments: list[str]) -> None:
    """Repack one archive and print the new image ids."""
    parser = argparse.ArgumentParser(
        description="Make a docker save archive independent of when and where it was built."
    )
    parser.add_argument("--epoch", type=int, required=True, help="newest time stamp to keep, in seconds since 1970")
    parser.add_argument("source", type=Path, metavar="IN", help="archive written by docker save")
    parser.add_argument("target", type=Path, metavar="OUT", help="archive to write, for docker load")
    options = parser.parse_args(arguments)
    for identity in repack(options.source, options.target, options.epoch):
        print(identity)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except BaseError as problem:
        sys.exit(f"repack: {problem}")
