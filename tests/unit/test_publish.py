"""Releases without a registry: who agrees on a version, what an index holds, which keys are taken."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from packages import BaseError
from publish import bundle, provenance, push, verification, versions
from publish.oci import INDEX, MANIFEST, Descriptor, written
from publish.statement import PROVENANCE, Statement, read

SUBJECT = "sha256:" + 64 * "a"


def layout(folder: Path, architecture: str, target: str = "full") -> Path:
    """A folder of a release with as much of an image as an index looks at."""
    (folder / target).mkdir(parents=True)
    manifest = Descriptor.of(MANIFEST, architecture.encode(), platform={"architecture": architecture, "os": "linux"})
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [manifest.as_json()]}
    (folder / target / "index.json").write_bytes(written(index))
    return folder


def tree(folder: Path, package: str, chart: str) -> Path:
    for path, text in (
        (versions.PACKAGE, f'__version__ = "{package}"\n'),
        (versions.CHART, f"version: 3.0.0\nappVersion: {chart}\n"),
    ):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return folder


def key(folder: Path, *words: str) -> Path:
    path = folder / "some.key"
    subprocess.run(["openssl", "genpkey", *words, "-out", str(path)], check=True, capture_output=True)
    return path


def test_an_index_names_each_architecture_in_one_order(tmp_path: Path) -> None:
    folders = [layout(tmp_path / name, name) for name in ("arm64", "amd64")]
    index = push.index_of(folders, "full")
    assert [entry["platform"]["architecture"] for entry in json.loads(index)["manifests"]] == ["amd64", "arm64"]
    assert push.index_of(folders[::-1], "full") == index


def test_two_images_for_one_architecture_are_refused(tmp_path: Path) -> None:
    folders = [layout(tmp_path / name, "amd64") for name in ("one", "other")]
    with pytest.raises(BaseError, match="two images are for"):
        push.index_of(folders, "full")


def test_a_folder_without_images_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BaseError, match="holds no release"):
        push.images(tmp_path)


@pytest.mark.parametrize("tag", ["", "1.2.3", "v1.2", "v01.2.3", "v1.2.3 ", "v1.2.3/../x"])
def test_only_v_and_a_version_is_a_tag_of_a_release(tag: str, tmp_path: Path) -> None:
    with pytest.raises(BaseError, match="no tag of a release"):
        versions.agreed(tag, tree(tmp_path, "1.2.3", "1.2.3"))


@pytest.mark.parametrize(("package", "chart"), [("1.2.4", "1.2.3"), ("1.2.3", "1.2.4")])
def test_who_disagrees_is_named(package: str, chart: str, tmp_path: Path) -> None:
    with pytest.raises(BaseError, match=r"says 1\.2\.4") as refused:
        versions.agreed("v1.2.3", tree(tmp_path, package, chart))
    assert "says 1.2.3" not in str(refused.value)


def test_all_agree(tmp_path: Path) -> None:
    assert versions.agreed("v1.2.3", tree(tmp_path, "1.2.3", "1.2.3")) == "1.2.3"


def test_what_is_signed_is_read_again(tmp_path: Path) -> None:
    private = key(tmp_path, "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
    public = tmp_path / "some.pub"
    subprocess.run(["openssl", "pkey", "-in", private, "-pubout", "-out", public], check=True, capture_output=True)
    statement = Statement(PROVENANCE, (SUBJECT,), {"some": "thing"})
    made = bundle.Key(private).sign(statement.payload("owner/slipway"))
    opened = bundle.PublicKey(public).open(made)
    assert opened is not None
    assert read(opened) == statement
    document = json.loads(made)
    document["dsseEnvelope"]["payload"] = "e30="
    assert bundle.PublicKey(public).open(written(document)) is None
    for broken in (b"", b"{}", b'{"dsseEnvelope": {"signatures": []}}', b'{"dsseEnvelope": []}'):
        assert bundle.PublicKey(public).open(broken) is None


@pytest.mark.parametrize(
    "words", [("-algorithm", "ED25519"), ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384")]
)
def test_keys_that_cosign_would_not_take_are_refused(words: tuple[str, ...], tmp_path: Path) -> None:
    with pytest.raises(BaseError, match="openssl genpkey"):
        bundle.Key(key(tmp_path, *words))


def test_a_file_without_a_key_is_refused_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "none"
    for taken in (bundle.Key, bundle.PublicKey):
        with pytest.raises(BaseError, match="none holds no"):
            taken(path)
    path.write_text("secret words that are no key")
    for taken in (bundle.Key, bundle.PublicKey):
        with pytest.raises(BaseError) as refused:
            taken(path)
        assert "secret words" not in str(refused.value)


@pytest.mark.parametrize(
    ("image", "parts"),
    [
        ("h:5000/o/n:1.2", ("h:5000/o/n", "1.2")),
        (f"h:5000/o/n@{SUBJECT}", ("h:5000/o/n", SUBJECT)),
        (f"h:5000/o/n:1.2@{SUBJECT}", ("h:5000/o/n", SUBJECT)),
    ],
)
def test_an_image_is_named_by_tag_or_digest(image: str, parts: tuple[str, str]) -> None:
    assert verification.split(image) == parts


@pytest.mark.parametrize("image", ["h:5000/o/n", "h:5000/o/n@sha256:short", ""])
def test_an_image_without_either_is_refused(image: str) -> None:
    with pytest.raises(BaseError, match="names no"):
        verification.split(image)


def test_provenance_names_commit_locks_and_who_built() -> None:
    run = {
        "GITHUB_SERVER_URL": "https://forge", "GITHUB_REPOSITORY": "o/n", "GITHUB_RUN_ID": "7",
        "GITHUB_WORKFLOW_REF": "o/n/.github/workflows/release.yml@refs/tags/v1.2.3",
    }  # fmt: skip
    made = provenance.predicate("1.2.3", "full", "linux/amd64", run)
    commit, *locks = made["buildDefinition"]["resolvedDependencies"]
    assert len(commit["digest"]["gitCommit"]) == 40
    assert "git+https://forge/o/n#docker/base/full.lock" in {lock["uri"] for lock in locks}
    assert made["runDetails"]["builder"]["id"] == f"https://forge/{run['GITHUB_WORKFLOW_REF']}"
    assert made["runDetails"]["metadata"] == {"invocationId": "https://forge/o/n/actions/runs/7/attempts/1"}
    by_hand = provenance.predicate("1.2.3", "full", "linux/amd64", {})
    assert by_hand["runDetails"] == {"builder": {"id": "urn:slipway:by-hand"}, "metadata": {}}
