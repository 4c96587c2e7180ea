"""Images of tests, built on the image under test."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CA = "/etc/ssl/certs/ca-certificates.crt"


def extended(image: str, suffix: str, dockerfile: str) -> str:
    """Build `dockerfile` on `image` and the stage with the generated database client; returns IMAGE-SUFFIX."""
    _run(["sh", "docker/build.sh", "prisma"], TAG=image.rpartition(":")[2])
    engine = subprocess.check_output(["sh", "docker/base/engine.sh"], cwd=ROOT, text=True)
    name = f"{image}-{suffix}"
    words = [*shlex.split(engine), "build", "--file", dockerfile, "--tag", name]
    words += ["--build-arg", f"IMAGE={image}", "--build-arg", f"INDEX_URL={os.environ.get('INDEX_URL', '')}"]
    ca = os.environ.get("CA_BUNDLE", CA)
    if os.access(ca, os.R_OK):
        words += ["--secret", f"id=ca,src={ca}"]
    _run([*words, "."], DOCKER_BUILDKIT="1")
    return name


def _run(words: list[str], **environment: str) -> None:
    done = subprocess.run(words, cwd=ROOT, env=os.environ | environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{shlex.join(words)}\n{done.stderr[-6000:]}"
