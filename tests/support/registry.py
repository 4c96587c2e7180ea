"""A registry that wants a login, on a port of this machine, as releases are pushed to."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from docker.errors import ImageNotFound

from tests.support.lab import Box, Lab, Spec, wait_until

IMAGE = "slipway-registry:latest"
PORT = 5000
USER, PASSWORD = "slipway", "only-for-tests"
# Made of the password with bcrypt, as htpasswd does.
HTPASSWD = f"{USER}:$2b$04$oBSh.JlFKG/4EnUVJOYP7.8MlJCO4oT6KekIKz3fHMlZud.kfEJSC\n"
BLOBS = "/var/lib/docker-registry/docker/registry/v2/blobs/sha256"
READY_SECONDS = 30


@dataclass(frozen=True)
class Registry:
    box: Box
    login: Path

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.box.port(PORT)}"

    def damage(self, digest: str) -> None:
        """Change one byte of a blob on the registry's disk; its size stays."""
        wanted = digest.removeprefix("sha256:")
        path = f"{BLOBS}/{wanted[:2]}/{wanted}/data"
        done = self.box.exec(["sh", "-c", f"printf X | dd of={path} bs=1 seek=64 conv=notrunc"])
        assert done.code == 0, done.output


def start(lab: Lab, directory: Path) -> Registry:
    """Start it and wait until it answers; `login` is a folder like the one that `docker login` writes."""
    try:
        lab.client.images.get(IMAGE)
    except ImageNotFound:
        pytest.fail(f"the image {IMAGE} does not exist: sh docker/build.sh registry", pytrace=False)
    users = directory / "htpasswd"
    users.write_text(HTPASSWD, encoding="utf-8")
    users.chmod(0o644)
    command = ("docker-registry", "serve", "/etc/docker/registry/config.yml")
    files = {"/etc/docker/registry/htpasswd": users}
    running = Registry(lab.start(Spec(image=IMAGE, command=command, files=files, ports=(PORT,))), directory / "login")
    running.login.mkdir()
    auth = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    stored = {"auths": {running.host: {"auth": auth}}}
    (running.login / "config.json").write_text(json.dumps(stored), encoding="utf-8")

    def answers() -> bool:
        try:
            return httpx.get(f"http://{running.host}/v2/").status_code == 401
        except httpx.HTTPError:
            return False

    wait_until("the registry", answers, READY_SECONDS)
    return running
