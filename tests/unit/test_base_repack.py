"""Equal content gives equal archives, whatever the order, the times and the tool that wrote the layers."""

from __future__ import annotations

import gzip
import hashlib
import importlib
import io
import json
import os
import random
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest

BASE = Path(__file__).resolve().parents[2] / "docker" / "base"
EPOCH = 1_700_000_000
Entry = tuple[tarfile.TarInfo, bytes]


def module(name: str) -> Any:
    """A module of docker/base, which is a folder of scripts and not a package."""
    if str(BASE) not in sys.path:
        sys.path.insert(0, str(BASE))
    return importlib.import_module(name)


repack = module("repack")
packages = module("packages")


def entry(name: str, content: bytes = b"", *, kind: bytes = tarfile.REGTYPE, **fields: Any) -> Entry:
    """One entry of a layer."""
    info = tarfile.TarInfo(name)
    info.type = kind
    info.size = len(content)
    for key, value in fields.items():
        setattr(info, key, value)
    return info, content


def tar_of(entries: list[Entry]) -> bytes:
    """A layer with these entries in this order."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for info, content in entries:
            tar.addfile(info, io.BytesIO(content) if info.isreg() else None)
    return buffer.getvalue()


def read(layer: bytes) -> dict[str, tarfile.TarInfo]:
    """The entries of a layer by name, in the layer's order."""
    with tarfile.open(fileobj=io.BytesIO(layer)) as tar:
        return {info.name: info for info in tar}


def rewritten(entries: list[Entry], work: Path) -> bytes:
    """The layer after rewriting."""
    target = work / "out.tar"
    repack.rewrite_layer(io.BytesIO(tar_of(entries)), target, EPOCH)
    return target.read_bytes()


def tree(seed: int) -> list[Entry]:
    """The same tree as any other seed's; order, times, user names and spelling of names differ."""
    dice = random.Random(seed)

    def when() -> float:
        return EPOCH + dice.random() * 1e6

    names: dict[str, Any] = {"uname": f"user{seed}", "gname": f"group{seed}"}
    prefix = dice.choice(["", "./"])
    body = [
        entry(f"{prefix}app/a.txt", b"alpha", mtime=when(), mode=0o644, **names),
        entry(f"{prefix}app/{'long' * 60}", b"long name", mtime=when(), mode=0o600, uid=3_000_000, **names),
        entry(f"{prefix}app/old", b"", mtime=1000, mode=0o755, **names),
        entry(f"{prefix}app/link", kind=tarfile.SYMTYPE, linkname="../app/a.txt", mtime=when(), mode=0o777, **names),
        entry(f"{prefix}app/.wh.gone", mtime=when(), **names),
        entry(
            f"{prefix}app/caps", b"x", mtime=when(), mode=0o755,
            pax_headers={"atime": str(when()), "SCHILY.xattr.user.note": "kept"}, **names,
        ),
    ]  # fmt: skip
    dice.shuffle(body)
    return [entry(f"{prefix}app/", kind=tarfile.DIRTYPE, mtime=when(), mode=0o755, **names), *body]


def save(path: Path, layers: list[bytes], created: str, *, packed: bool = False, host: str = "h") -> Path:
    """An archive as ``docker save`` writes it."""
    config = {
        "architecture": "amd64", "os": "linux", "created": created, "container": host, "docker_version": "20.10",
        "config": {"Env": ["A=b"], "Hostname": host, "Image": f"sha256:{host}", "Cmd": ["bash"], "User": "5"},
        "container_config": {"Hostname": host},
        "history": [{"created": created, "created_by": "RUN x"}, {"created": created, "empty_layer": True}],
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}" for layer in layers]},
        "moby.buildkit.cache.v0": "bm9pc2U=",
    }  # fmt: skip
    files = {
        f"{host}{number}/layer.tar": gzip.compress(layer) if packed else layer for number, layer in enumerate(layers)
    }
    manifest = [{"Config": f"{host}.json", "RepoTags": ["slipway:dev"], "Layers": list(files)}]
    files |= {f"{host}.json": json.dumps(config).encode(), "manifest.json": json.dumps(manifest).encode()}
    path.write_bytes(tar_of([entry(name, content, mtime=1) for name, content in files.items()]))
    return path


def test_order_times_and_user_names_do_not_show(tmp_path: Path) -> None:
    assert len({rewritten(tree(seed), tmp_path) for seed in range(5)}) == 1


def test_what_counts_is_kept(tmp_path: Path) -> None:
    found = read(rewritten(tree(1), tmp_path))
    assert found["app/a.txt"].mtime == EPOCH
    assert found["app/old"].mtime == 1000
    assert found["app/old"].mode == 0o755
    assert found["app/" + "long" * 60].uid == 3_000_000
    assert found["app/link"].linkname == "../app/a.txt"
    assert found["app/caps"].pax_headers == {"SCHILY.xattr.user.note": "kept"}
    assert {info.uname + info.gname for info in found.values()} == {""}


def test_whiteouts_come_before_what_replaces_them(tmp_path: Path) -> None:
    layer = [entry("d", kind=tarfile.DIRTYPE), entry("d/-x", b"1"), entry("d/.wh.-x"), entry("d/.wh..wh..opq")]
    assert list(read(rewritten(layer, tmp_path))) == ["d", "d/.wh.-x", "d/.wh..wh..opq", "d/-x"]


def test_the_first_name_of_a_hard_linked_file_carries_its_content(tmp_path: Path) -> None:
    one = [
        entry("b", b"body"),
        entry("a", kind=tarfile.LNKTYPE, linkname="b"),
        entry("c", kind=tarfile.LNKTYPE, linkname="b"),
    ]
    two = [
        entry("c", b"body"),
        entry("b", kind=tarfile.LNKTYPE, linkname="./c"),
        entry("a", kind=tarfile.LNKTYPE, linkname="c"),
    ]
    result = rewritten(one, tmp_path)
    assert result == rewritten(two, tmp_path)
    with tarfile.open(fileobj=io.BytesIO(result)) as tar:
        assert [(info.name, info.islnk(), info.linkname) for info in tar] == [
            ("a", False, ""), ("b", True, "a"), ("c", True, "a"),
        ]  # fmt: skip
        body = tar.extractfile("c")
        assert body is not None
        assert body.read() == b"body"


def test_a_hard_link_into_a_lower_layer_stays_one(tmp_path: Path) -> None:
    found = read(rewritten([entry("a", kind=tarfile.LNKTYPE, linkname="usr/below")], tmp_path))
    assert found["a"].linkname == "usr/below"


def test_the_last_of_two_entries_with_one_name_counts(tmp_path: Path) -> None:
    result = rewritten([entry("a", b"first"), entry("./a", b"second")], tmp_path)
    with tarfile.open(fileobj=io.BytesIO(result)) as tar:
        body = tar.extractfile("a")
        assert body is not None
        assert body.read() == b"second"


def test_two_builds_of_one_image_become_one_archive(tmp_path: Path) -> None:
    results = []
    for seed, packed in ((1, False), (2, False), (3, True)):
        layers = [tar_of(tree(seed)), tar_of([entry("b", b"x", mtime=EPOCH + seed)])]
        saved = save(tmp_path / f"in{seed}", layers, f"2026-01-0{seed}T00:00:00Z", packed=packed, host=f"host{seed}")
        identity = repack.repack(saved, tmp_path / f"out{seed}", EPOCH)
        results.append((identity, (tmp_path / f"out{seed}").read_bytes()))
    assert results[0] == results[1] == results[2]
    assert not [name for name in os.listdir(tmp_path) if name.startswith(".repack-")]


def test_the_result_describes_itself(tmp_path: Path) -> None:
    saved = save(tmp_path / "in", [tar_of(tree(1)), tar_of(tree(1))], "2026-01-01T00:00:00Z")
    (identity,) = repack.repack(saved, tmp_path / "out", EPOCH)
    with tarfile.open(tmp_path / "out") as tar:

        def content(name: str) -> bytes:
            file = tar.extractfile(name)
            assert file is not None
            return file.read()

        (manifest,) = json.loads(content("manifest.json"))
        raw = content(manifest["Config"])
        config = json.loads(raw)
        digests = [f"sha256:{hashlib.sha256(content(name)).hexdigest()}" for name in manifest["Layers"]]
        assert len(tar.getnames()) == len(set(tar.getnames()))
    assert identity == f"sha256:{hashlib.sha256(raw).hexdigest()}"
    assert config["rootfs"]["diff_ids"] == digests
    assert manifest["RepoTags"] == ["slipway:dev"]
    assert config["created"] == "2023-11-14T22:13:20Z"
    assert [step["created"] for step in config["history"]] == ["2023-11-14T22:13:20Z"] * 2
    assert config["config"] == {"Env": ["A=b"], "Cmd": ["bash"], "User": "5"}
    assert set(config) == {"architecture", "os", "created", "config", "history", "rootfs"}


@pytest.mark.parametrize("content", [b"not a tar at all", tar_of([entry("other", b"x")])])
def test_another_file_is_refused_with_the_fix(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "in").write_bytes(content)
    with pytest.raises(packages.BaseError, match="docker save"):
        repack.repack(tmp_path / "in", tmp_path / "out", EPOCH)
    assert not (tmp_path / "out").exists()
