"""What differs between two images in archives that repack.py wrote: files as a container sees them, and settings."""

from __future__ import annotations

import hashlib
import json
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path, PurePosixPath
from typing import IO, Any, Final

from repack import WHITEOUT

_OPAQUE: Final = f"{WHITEOUT}{WHITEOUT}.opq"
_KINDS: Final = {
    tarfile.REGTYPE: "file",
    tarfile.LNKTYPE: "hard link",
    tarfile.SYMTYPE: "symbolic link",
    tarfile.DIRTYPE: "directory",
}


@dataclass(frozen=True)
class Entry:
    """One path of an image. ``time`` is in seconds since 1970, ``content`` a SHA-256 in hexadecimal."""

    kind: str
    mode: str
    owner: str
    time: int
    target: str
    size: int
    content: str
    attributes: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Contents:
    """An image's files by path, its configuration, and its id."""

    files: Mapping[str, Entry]
    settings: Mapping[str, Any]
    identity: str


def read(archive: Path) -> Contents:
    """Return what the first image of an archive holds, its layers laid over each other."""
    with tarfile.open(archive, "r:") as tar:
        (image, *_) = json.load(_open(tar, "manifest.json"))
        config = _open(tar, image["Config"]).read()
        files: dict[str, Entry] = {}
        for name in image["Layers"]:
            _lay(files, _open(tar, name))
    return Contents(files, json.loads(config), f"sha256:{hashlib.sha256(config).hexdigest()}")


def differences(one: Contents, other: Contents, names: tuple[str, str]) -> Iterator[str]:
    """Yield a line for each path and setting that is not the same in both; ``names`` are what they are called."""
    for path in sorted(one.files.keys() | other.files.keys()):
        first, second = one.files.get(path), other.files.get(path)
        if first is None or second is None:
            yield f"{path}: only in {names[first is None]}"
        elif first != second:
            yield f"{path}: {', '.join(_changed(first, second))}"
    yield from _settings("", _without_layers(one.settings), _without_layers(other.settings), names)


def _open(tar: tarfile.TarFile, name: str) -> IO[bytes]:
    found = tar.extractfile(name)
    assert found is not None, name
    return found


def _lay(files: dict[str, Entry], layer: IO[bytes]) -> None:
    # In repack's order: a folder's whiteouts stand before what the same layer puts there.
    with tarfile.open(fileobj=layer, mode="r:") as tar:
        for member in tar:
            path = PurePosixPath(member.name)
            if path.name == _OPAQUE:
                _remove_below(files, str(path.parent))
            elif path.name.startswith(WHITEOUT):
                gone = str(path.with_name(path.name.removeprefix(WHITEOUT)))
                files.pop(gone, None)
                _remove_below(files, gone)
            else:
                if not member.isdir():
                    _remove_below(files, member.name)
                files[member.name] = _entry(tar, member)


def _remove_below(files: dict[str, Entry], folder: str) -> None:
    for path in [path for path in files if path.startswith(f"{folder}/")]:
        del files[path]


def _entry(tar: tarfile.TarFile, member: tarfile.TarInfo) -> Entry:
    content = tar.extractfile(member) if member.isreg() else None
    return Entry(
        kind=_KINDS.get(member.type, "device"),
        mode=f"{member.mode:04o}",
        owner=f"{member.uid}:{member.gid}",
        time=int(member.mtime),
        target=member.linkname,
        size=member.size,
        content=hashlib.sha256(content.read()).hexdigest() if content else "",
        attributes=tuple(sorted(member.pax_headers.items())),
    )


def _changed(first: Entry, second: Entry) -> Iterator[str]:
    for field in fields(Entry):
        before, after = getattr(first, field.name), getattr(second, field.name)
        if before == after:
            continue
        yield "content" if field.name == "content" else f"{field.name} {before} and {after}"


def _without_layers(settings: Mapping[str, Any]) -> dict[str, Any]:
    # That they differ follows from the files.
    return {name: value for name, value in settings.items() if name != "rootfs"}


def _settings(place: str, one: Any, other: Any, names: tuple[str, str]) -> Iterator[str]:
    if isinstance(one, dict) and isinstance(other, dict):
        for name in sorted(one.keys() | other.keys()):
            yield from _settings(f"{place}.{name}".lstrip("."), one.get(name), other.get(name), names)
    elif one != other:
        yield f"configuration, {place}: {one!r} in {names[0]}, {other!r} in {names[1]}"
