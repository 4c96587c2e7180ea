"""The whole way of a release, by the verbs of the Makefile and a real registry: built, pushed, signed, and verified."""

from __future__ import annotations

import base64
import json
import re
import secrets
import subprocess
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import httpx
import pytest

from publish.oci import INDEX, MANIFEST, written
from tests.support import registry
from tests.support.clone import ROOT, Clone, clone_of_this, with_tools
from tests.support.document import blocks
from tests.support.lab import Lab
from tests.support.registry import PASSWORD, USER, Registry

VERSION = re.search(r'"(.+)"', (ROOT / "entrypoint/slipway/__init__.py").read_text().partition("__version__")[2])
assert VERSION is not None
NUMBER = VERSION[1]
# The smallest of the images; the ways of all of them are the same.
TAG = f"{NUMBER}-slim"


@dataclass(frozen=True)
class Release:
    """A clone, what was built there, the registry it went to and its keys."""

    clone: Clone
    registry: Registry
    keys: Path

    @property
    def repository(self) -> str:
        return f"{self.registry.host}/owner/slipway"

    def make(self, verb: str, *words: str) -> subprocess.CompletedProcess[str]:
        login = {"DOCKER_CONFIG": str(self.registry.login)}
        return self.clone.run("make", verb, f"REPOSITORY={self.repository}", *words, **login)

    def must(self, verb: str, *words: str) -> str:
        done = self.make(verb, *words)
        assert done.returncode == 0, done.stdout
        return done.stdout

    def verify(self, reference: str = f":{TAG}", key: str = "release.pub") -> subprocess.CompletedProcess[str]:
        return self.make("verify-release", f"IMAGE={self.repository}{reference}", f"KEY={self.keys / key}")

    def refused(self, reference: str = f":{TAG}", key: str = "release.pub") -> str:
        done = self.verify(reference, key)
        assert done.returncode != 0, done.stdout
        return done.stdout

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        """Ask the registry as somebody who may write there."""
        accept = {"Accept": f"{INDEX}, {MANIFEST}", **more.pop("headers", {})}
        url = f"http://{self.registry.host}/v2/owner/slipway/{path}"
        return httpx.request(method, url, auth=(USER, PASSWORD), headers=accept, **more).raise_for_status()

    def manifest(self, reference: str) -> dict[str, Any]:
        found: dict[str, Any] = self.ask("GET", f"manifests/{reference}").json()
        return found

    def put(self, reference: str, document: dict[str, Any]) -> str:
        """Put a manifest there and return its digest."""
        content, kind = written(document), document["mediaType"]
        answer = self.ask("PUT", f"manifests/{reference}", content=content, headers={"Content-Type": kind})
        return answer.headers["Docker-Content-Digest"]


@pytest.fixture(scope="module")
def release(client: docker.DockerClient, module_lab: Lab, directory: Path) -> Iterator[Release]:
    clone = with_tools(clone_of_this(directory / "clone", f"released-{secrets.token_hex(4)}"))
    keys = directory / "keys"
    keys.mkdir()
    for name in ("release", "other"):
        make = f"openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out {keys / name}.key"
        subprocess.run(make.split(), check=True, capture_output=True)
        show = f"openssl pkey -in {keys / name}.key -pubout -out {keys / name}.pub"
        subprocess.run(show.split(), check=True, capture_output=True)
    made = Release(clone, registry.start(module_lab, directory), keys)
    made.must("release-check", f"TAG=v{NUMBER}")
    made.must("release-build", f"VERSION={NUMBER}", "TARGETS=slim")
    for verb in ("release-push", "release-index", "release-sign", "release-tag"):
        made.must(verb, f"VERSION={NUMBER}", f"KEY={keys / 'release.key'}")
    try:
        yield made
    finally:
        client.images.remove(f"slipway:release-{NUMBER}-slim", force=True)


@pytest.fixture
def restored(release: Release) -> Iterator[Release]:
    """The release, whose tag and list of attachments are put back."""
    before = release.manifest(TAG)
    children = [entry["digest"] for entry in before["manifests"]]
    lists = {name: release.manifest(name) for name in (digest.replace(":", "-") for digest in children)}
    yield release
    release.put(TAG, before)
    for name, document in lists.items():
        release.put(name, document)


def test_who_has_only_the_public_key_accepts_it(release: Release) -> None:
    done = release.verify()
    assert done.returncode == 0, done.stdout
    (typed,) = [text for text in blocks("README.md") if text.startswith("make verify-release")]
    for shown, meant in (("ghcr.io/OWNER/slipway:1.2.3", f"{release.repository}:{TAG}"), ("release.pub", "{key}")):
        typed = typed.replace(shown, meant)
    words = typed.format(key=release.keys / "release.pub").split()
    assert release.clone.must(*words, DOCKER_CONFIG=str(release.registry.login)) == done.stdout
    commit = release.clone.must("git", "rev-parse", "HEAD").strip()
    assert f"slim {NUMBER}, commit {commit}" in done.stdout
    for word in ("cosign/sign", "slsa.dev/provenance", "cyclonedx.org/bom", "spdx.dev/Document"):
        assert word in done.stdout


def test_it_is_pulled_by_its_digest_and_runs(release: Release, client: docker.DockerClient) -> None:
    child = release.manifest(TAG)["manifests"][0]["digest"]
    name = f"{release.repository}@{child}"
    client.images.pull(name, auth_config={"username": USER, "password": PASSWORD})
    try:
        assert b"LiteLLM: Current Version" in client.containers.run(name, ["--version"], remove=True)
        # What was tested before it was pushed has the same id.
        assert client.images.get(name).id == client.images.get(f"slipway:release-{NUMBER}-slim").id
    finally:
        client.images.remove(name, force=True)


def test_a_damaged_layer_is_rejected(release: Release) -> None:
    child = release.manifest(TAG)["manifests"][0]["digest"]
    layer = release.manifest(child)["layers"][0]["digest"]
    path = release.registry.box.exec(["sh", "-c", f"cp {registry.BLOBS}/{layer[7:9]}/{layer[7:]}/data /tmp/whole"])
    assert path.code == 0, path.output
    release.registry.damage(layer)
    try:
        assert f"the registry sent something else for {layer}" in release.refused()
    finally:
        release.registry.box.exec(["cp", "/tmp/whole", f"{registry.BLOBS}/{layer[7:9]}/{layer[7:]}/data"])
    assert release.verify().returncode == 0


def test_another_layer_under_the_same_tag_is_rejected(restored: Release) -> None:
    index = restored.manifest(TAG)
    image = restored.manifest(index["manifests"][0]["digest"])
    image["layers"] = image["layers"][:-1]
    old = index["manifests"][0]["digest"]
    changed = restored.put("changed", image)
    # Whoever may push copies the signed statements as well.
    restored.put(changed.replace(":", "-"), restored.manifest(old.replace(":", "-")))
    assert "is not to be trusted" in restored.refused(f"@{changed}")
    size = len(restored.ask("GET", f"manifests/{changed}").content)
    index["manifests"][0] |= {"digest": changed, "size": size}
    restored.put(TAG, index)
    assert "is not to be trusted" in restored.refused()


def test_a_release_under_another_tag_is_rejected(release: Release) -> None:
    release.put("9.9.9-slim", release.manifest(TAG))
    told = release.refused(":9.9.9-slim")
    assert f"what is signed there is {TAG}" in told


@pytest.mark.parametrize("kind", ["slsa.dev/provenance", "cyclonedx.org/bom", "spdx.dev/Document", "cosign/sign"])
def test_a_missing_statement_is_rejected(restored: Release, kind: str) -> None:
    child = restored.manifest(TAG)["manifests"][0]["digest"].replace(":", "-")
    listed = restored.manifest(child)
    kept = [it for it in listed["manifests"] if kind not in it["annotations"]["dev.sigstore.bundle.predicateType"]]
    assert len(kept) == len(listed["manifests"]) - 1
    restored.put(child, {**listed, "manifests": kept})
    told = restored.refused()
    assert "is not to be trusted: no https://" in told
    assert kind in told


def test_the_signature_of_somebody_else_is_rejected(release: Release) -> None:
    told = release.refused(key="other.pub")
    assert "0 of them about it and signed by whom you trust" in told


def test_nobody_is_trusted_by_default(release: Release) -> None:
    done = release.make("verify-release", f"IMAGE={release.repository}:{TAG}")
    assert "nobody is trusted yet" in done.stdout
    assert done.returncode != 0


def test_a_release_is_not_replaced_by_another(release: Release) -> None:
    assert TAG in release.must("release-tag", f"VERSION={NUMBER}")
    folder = release.clone.folder / "dist" / "slim"
    index = json.loads((folder / "index.json").read_bytes())
    before = json.dumps(index)
    index["manifests"][0]["annotations"] = {"of": "another build"}
    (folder / "index.json").write_text(json.dumps(index))
    try:
        done = release.make("release-tag", f"VERSION={NUMBER}")
    finally:
        (folder / "index.json").write_text(before)
    assert done.returncode != 0
    assert f"{release.repository}:{TAG} is released already" in done.stdout


def test_openssl_says_the_same_of_a_signature(release: Release, tmp_path: Path) -> None:
    """By the words of the DSSE specification, with none of the libraries that made it."""
    child = release.manifest(TAG)["manifests"][0]["digest"]
    entry = release.manifest(child.replace(":", "-"))["manifests"][0]["digest"]
    blob = release.manifest(entry)["layers"][0]["digest"]
    envelope = json.loads(release.ask("GET", f"blobs/{blob}", follow_redirects=True).content)["dsseEnvelope"]
    payload, kind = base64.b64decode(envelope["payload"]), envelope["payloadType"].encode()
    (tmp_path / "signed").write_bytes(b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload))
    (tmp_path / "signature").write_bytes(base64.b64decode(envelope["signatures"][0]["sig"]))
    words = ["openssl", "dgst", "-sha256", "-verify", str(release.keys / "release.pub")]
    done = subprocess.run(
        [*words, "-signature", str(tmp_path / "signature"), str(tmp_path / "signed")], check=False, capture_output=True
    )
    assert done.stdout == b"Verified OK\n", done.stderr


def test_its_debian_packages_build_its_base_without_a_mirror(
    release: Release, client: docker.DockerClient, tmp_path: Path
) -> None:
    folder = tmp_path / "packages"
    with tarfile.open(next((release.clone.folder / "dist").glob("debian-*.tar"))) as tar:
        tar.extractall(folder, filter="data")
    base = release.clone.must("python3", "docker/base/rootfs.py", "runtime").splitlines()[-1]
    nowhere = {"DEBIAN_MIRROR": folder.as_uri(), "DEBIAN_SECURITY_MIRROR": folder.as_uri()}
    words = ("python3", "docker/base/rootfs.py", "runtime", "--tar", str(tmp_path / "rootfs.tar"))
    said = release.clone.must(*words, **nowhere, XDG_CACHE_HOME=str(tmp_path / "empty"))
    layers = client.images.get(base).attrs["RootFS"]["Layers"]
    assert layers == [f"sha256:{said.splitlines()[-1]}"]


def test_the_chart_is_released_once_and_never_changed(release: Release) -> None:
    where, key = f"{release.registry.host}/owner/charts/slipway", f"KEY={release.keys / 'release.key'}"
    version = re.search(r"(?m)^version: (.+)$", (ROOT / "helm/slipway/Chart.yaml").read_text())
    assert version is not None
    words = (f"REPOSITORY={where}", key)
    assert "released" in release.must("release-chart", *words)
    assert "is there already" in release.must("release-chart", *words)
    public = f"KEY={release.keys / 'release.pub'}"
    assert "the chart" in release.must("verify-release", f"IMAGE={where}:{version[1]}", public)
    values = release.clone.folder / "helm/slipway/values.yaml"
    before = values.read_text()
    values.write_text(before + "# another\n")
    try:
        assert "raise version in helm/slipway/Chart.yaml" in release.make("release-chart", *words).stdout
    finally:
        values.write_text(before)


def test_a_tag_that_package_and_chart_do_not_know_is_refused(release: Release) -> None:
    done = release.make("release-check", "TAG=v9.9.9")
    assert done.returncode != 0
    assert f"entrypoint/slipway/__init__.py says {NUMBER}" in done.stdout
    assert f"helm/slipway/Chart.yaml (appVersion) says {NUMBER}" in done.stdout


def test_what_is_not_committed_is_not_released(release: Release) -> None:
    extra = release.clone.folder / "extra"
    extra.touch()
    try:
        done = release.make("release-build", f"VERSION={NUMBER}", "FOLDER=another")
    finally:
        extra.unlink()
    assert done.returncode != 0
    assert "not committed: extra" in done.stdout
