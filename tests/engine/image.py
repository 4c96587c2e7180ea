"""Builds the image of the suite on the image under test."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CA = "/etc/ssl/certs/ca-certificates.crt"


def build(image: str) -> str:
    """Build IMAGE-conformance from `image` and the stage with the generator beside it; returns its name."""
    tag = image.rpartition(":")[2]
    _run(["sh", "docker/build.sh", "prisma"], TAG=tag)
    engine = subprocess.check_output(["sh", "docker/base/engine.sh"], cwd=ROOT, text=True)
    name = f"{image}-conformance"
    words = [*shlex.split(engine), "build", "--file", "tests/engine/Dockerfile", "--tag", name]
    words += ["--build-arg", f"IMAGE={image}", "--build-arg", f"INDEX_URL={os.environ.get('INDEX_URL', '')}"]
    ca = os.environ.get("CA_BUNDLE", CA)
    if os.access(ca, os.R_OK):
        words += ["--secret", f"id=ca,src={ca}"]
    _run([*words, "."], DOCKER_BUILDKIT="1")
    return name


def _run(words: list[str], **environment: str) -> None:
    done = subprocess.run(words, cwd=ROOT, env=os.environ | environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{shlex.join(words)}\n{done.stderr[-6000:]}"
