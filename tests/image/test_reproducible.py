"""`make verify-image` as an outsider types it: the image of a commit is rebuilt elsewhere, bit for bit."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import docker
import pytest

ROOT = Path(__file__).resolve().parents[2]
AUTHOR = ("-c", "user.name=test", "-c", "user.email=test@example.com")


@dataclass(frozen=True)
class Clone:
    """A clone of what is being tested, whatever is committed of it, and the image built there."""

    folder: Path
    tag: str

    @property
    def image(self) -> str:
        return f"slipway:{self.tag}"

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
        return subprocess.run(
            words, cwd=self.folder, env={**environment, "TAG": self.tag}, check=False, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def must(self, *words: str) -> str:
        done = self.run(*words)
        assert done.returncode == 0, done.stdout
        return done.stdout

    def build(self) -> None:
        self.must("sh", "docker/build.sh", "full")


@pytest.fixture(scope="module")
def clone(client: docker.DockerClient, directory: Path) -> Iterator[Clone]:
    folder = directory / "a folder of its own"
    folder.mkdir()
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    for name in filter(None, names):
        if (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name, follow_symlinks=False)
    made = Clone(folder, f"reproducible-{secrets.token_hex(4)}")
    for words in (("init", "--quiet"), ("add", "--all"), (*AUTHOR, "commit", "--quiet", "--message", "as it is")):
        made.must("git", *words)
    made.build()
    try:
        yield made
    finally:
        client.images.remove(made.image, force=True)


def test_an_outsider_builds_the_same_image(clone: Clone) -> None:
    said = clone.must("make", "verify-image", f"IMAGE={clone.image}")
    assert f"{clone.image} is, bit for bit, what its commit builds" in said


def test_one_byte_of_a_source_file_is_named(clone: Clone) -> None:
    path = clone.folder / "entrypoint" / "slipway" / "budget.py"
    before = path.read_bytes()
    path.write_bytes(before.replace(b"seconds", b"secondS", 1))
    assert path.read_bytes() != before
    clone.build()
    engine = clone.must("sh", "docker/base/engine.sh").splitlines()[-1]
    words = ("env", "PYTHONPATH=docker/base", "python3", "docker/release/verify.py", clone.image)
    done = clone.run(*words, "--cached", "--engine", engine)
    assert done.returncode == 1, done.stdout
    assert "opt/slipway/app/slipway/budget.py: content" in done.stdout.splitlines()
    assert f"{clone.image} is not what its commit builds" in done.stdout


def test_an_image_that_names_no_commit_is_refused(clone: Clone) -> None:
    done = clone.run("make", "verify-image", "IMAGE=slipway-postgres:17")
    assert done.returncode != 0
    assert "the image does not say what it was built from" in done.stdout
