"""A user's own image: packages for hooks, added by the builder target."""

import json
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import docker
import pytest

from tests.support.document import blocks, in_sentences
from tests.support.lab import LABEL

ROOT = Path(__file__).resolve().parents[2]
Build = Callable[[str], subprocess.CompletedProcess[str]]
OWN = "slipway-test-own"
HOST_CA = "/etc/ssl/certs/ca-certificates.crt"
CA = os.environ.get("CA_BUNDLE", HOST_CA)
# As a reader of README.md writes it.
(DOCKERFILE,) = [block for block in blocks("README.md") if block.startswith("FROM ")]
# Pure Python packages that the image does not have; the second has a .pth file.
ADDED = "iniconfig==2.3.0"
WITH_STARTUP_FILE = "setuptools==84.2.1"


def sentence(beginning: str) -> str:
    """A command that a sentence of README.md quotes."""
    (found,) = [text for text in in_sentences("README.md") if text.startswith(beginning)]
    return found


def locked(requirements: str) -> str:
    """What the README's command makes of a file of requirements."""
    path = f"{ROOT}/.venv/bin:{os.environ['PATH']}"
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "requirements.in").write_text(requirements)
        command = ["bash", "-ec", sentence("uv pip compile")]
        subprocess.run(command, cwd=folder, env={**os.environ, "PATH": path}, check=True, capture_output=True)
        return (Path(folder) / "requirements.txt").read_text()


@pytest.fixture
def build(tmp_path: Path, image: str) -> Iterator[Build]:
    engine = subprocess.run(
        ["sh", "docker/base/engine.sh"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.strip()
    command = sentence("DOCKER_BUILDKIT=1 docker build")
    # A layer from the cache prints nothing, and most tests read what is printed.
    options = f"--no-cache --progress plain --label {LABEL}=1 --tag {OWN}"
    if os.path.exists(CA):
        options += " " + sentence("--secret id=ca").replace(HOST_CA, CA)
    words = ["bash", "-ec", command.replace("docker", engine).replace("-t my-gateway", options)]

    def run(requirements: str) -> subprocess.CompletedProcess[str]:
        (tmp_path / "requirements.txt").write_text(requirements)
        (tmp_path / "Dockerfile").write_text(DOCKERFILE.replace("slipway:dev", image))
        return subprocess.run(words, cwd=tmp_path, check=False, capture_output=True, text=True)

    yield run
    subprocess.run([*engine.split(), "rmi", "--force", OWN], check=False, capture_output=True)


def checked(client: docker.DockerClient) -> object:
    """What the own image's `check` says, which compares every file of its packages."""
    key = {"LITELLM_MASTER_KEY": "sk-0123456789abcdef0123456789abcdef"}
    return json.loads(client.containers.run(OWN, ["check"], environment=key, remove=True, labels={LABEL: "1"}))


def test_an_added_package_is_importable_and_its_twins_of_the_image_are_left_out(
    build: Build, client: docker.DockerClient
) -> None:
    built = build(locked(f"{ADDED}\nsix==1.17.0\n"))
    assert built.returncode == 0, built.stderr
    assert checked(client) == {"ok": True, "findings": []}
    script = "import iniconfig, six; print(iniconfig.__file__); print(six.__file__)"
    lines = client.containers.run(OWN, ["python", "-c", script], remove=True, labels={LABEL: "1"}).decode().splitlines()
    assert lines[0].startswith("/etc/slipway/site/")
    assert lines[1].startswith("/opt/slipway/venv/")
    found = client.containers.run(OWN, ["find", "/etc/slipway/site"], remove=True, labels={LABEL: "1"}).decode()
    assert "six" not in found
    assert "__pycache__/__init__.cpython-313.pyc" in found


def test_another_version_of_a_package_of_the_image_is_refused(build: Build) -> None:
    built = build(locked("six==1.16.0\n"))
    assert built.returncode != 0
    assert "six 1.16.0 is asked for and the image has 1.17.0" in built.stdout + built.stderr


def test_a_requirement_without_a_hash_is_refused(build: Build) -> None:
    built = build(f"{ADDED}\n")
    assert built.returncode != 0
    assert "hashes" in built.stdout + built.stderr


def test_a_release_that_must_never_run_is_refused_before_it_is_downloaded(build: Build) -> None:
    built = build(f"litellm==1.82.8 --hash=sha256:{'0' * 64}\n")
    assert built.returncode != 0
    assert "litellm 1.82.8 must never run" in built.stdout + built.stderr
    assert "could not be installed" not in built.stdout + built.stderr


def test_what_python_would_run_by_itself_elsewhere_is_left_out(build: Build, client: docker.DockerClient) -> None:
    built = build(locked(f"{WITH_STARTUP_FILE}\n"))
    assert built.returncode == 0, built.stderr
    assert "distutils-precedence.pth is left out" in built.stdout + built.stderr
    assert checked(client) == {"ok": True, "findings": []}
