"""`make verify-image` as an outsider types it: the image of a commit is rebuilt elsewhere, bit for bit."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from tests.support.clone import Clone, clone_of_this


@pytest.fixture(scope="module")
def clone(client: docker.DockerClient, directory: Path) -> Iterator[Clone]:
    made = clone_of_this(directory / "a folder of its own", f"reproducible-{secrets.token_hex(4)}")
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
