"""What verify-image says of two images that differ: each path and setting, and in what."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

import compare
from tests.unit.test_base_repack import Entry, entry, tar_of

NAMES = ("the image", "the rebuild")
BELOW = [entry("etc", kind=tarfile.DIRTYPE, mode=0o755), entry("etc/a", b"one", mode=0o644), entry("etc/b", b"two")]


def image(folder: Path, *layers: list[Entry], **settings: Any) -> compare.Contents:
    """What is read of an archive with these layers."""
    blobs = [tar_of(layer) for layer in layers]
    config = json.dumps({"config": settings, "rootfs": [hashlib.sha256(blob).hexdigest() for blob in blobs]}).encode()
    names = [f"{number}.tar" for number in range(len(blobs))]
    manifest = json.dumps([{"Config": "config.json", "Layers": names}]).encode()
    path = folder / "archive.tar"
    with tarfile.open(path, "w") as tar:
        for name, content in [*zip(names, blobs, strict=True), ("config.json", config), ("manifest.json", manifest)]:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return compare.read(path)


def told(folder: Path, first: list[list[Entry]], second: list[list[Entry]]) -> list[str]:
    return list(compare.differences(image(folder, *first), image(folder, *second), NAMES))


def test_the_same_layers_are_the_same_image(tmp_path: Path) -> None:
    assert image(tmp_path, BELOW).identity == image(tmp_path, BELOW).identity
    assert told(tmp_path, [BELOW], [BELOW]) == []


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (entry("etc/a", b"onE", mode=0o644), "etc/a: content"),
        (entry("etc/a", b"ones", mode=0o644), "etc/a: size 3 and 4, content"),
        (entry("etc/a", b"one", mode=0o4755), "etc/a: mode 0644 and 4755"),
        (entry("etc/a", b"one", mode=0o644, uid=7), "etc/a: owner 0:0 and 7:0"),
        (entry("etc/a", b"one", mode=0o644, mtime=9), "etc/a: time 0 and 9"),
        (
            entry("etc/a", kind=tarfile.SYMTYPE, linkname="b", mode=0o644),
            "etc/a: kind file and symbolic link, target  and b, size 3 and 0, content",
        ),
    ],
)
def test_a_file_that_differs_is_named_with_how(tmp_path: Path, changed: Entry, said: str) -> None:
    assert told(tmp_path, [BELOW], [[BELOW[0], changed, BELOW[2]]]) == [said]


def test_a_file_of_one_side_is_named_with_the_side(tmp_path: Path) -> None:
    assert told(tmp_path, [BELOW], [BELOW[:2]]) == ["etc/b: only in the image"]
    assert told(tmp_path, [BELOW[:2]], [BELOW]) == ["etc/b: only in the rebuild"]


def test_layers_lie_over_each_other(tmp_path: Path) -> None:
    """What a later layer removes or puts in another's place is not there any more."""
    removed = [entry("etc/.wh.b")]
    assert told(tmp_path, [BELOW, removed], [BELOW[:2]]) == []
    opaque = [entry("etc", kind=tarfile.DIRTYPE, mode=0o755), entry("etc/.wh..wh..opq"), BELOW[1]]
    assert told(tmp_path, [BELOW, opaque], [BELOW[:2]]) == []
    in_its_place = [entry("etc", b"file")]
    assert told(tmp_path, [BELOW, in_its_place], [in_its_place]) == []


def test_a_setting_that_differs_is_named_by_its_place(tmp_path: Path) -> None:
    one, other = (image(tmp_path, BELOW, Env=[env], User="1") for env in ("A=1", "A=2"))
    assert list(compare.differences(one, other, NAMES)) == [
        "configuration, config.Env: ['A=1'] in the image, ['A=2'] in the rebuild"
    ]
