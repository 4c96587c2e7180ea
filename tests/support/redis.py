"""A Redis beside the gateways of a test: on their network, under the name `redis`."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

import pytest
from docker.errors import ImageNotFound

from tests.support.lab import Box, Lab, Spec, hardened, wait_until

IMAGE = "slipway-redis:latest"
ALIAS = "redis"
PORT = 6379
READY_SECONDS = 30


@dataclass(frozen=True)
class Redis:
    box: Box
    password: str

    def ask(self, *words: str) -> str:
        """What the server answers to a command."""
        return self.box.exec(["redis-cli", "--no-auth-warning", "-a", self.password, *words]).stdout.strip()


def start(lab: Lab, network: str) -> Redis:
    """Start it with a password and wait until it answers."""
    try:
        lab.client.images.get(IMAGE)
    except ImageNotFound:
        pytest.fail(f"the image {IMAGE} does not exist: sh docker/build.sh redis", pytrace=False)
    password = secrets.token_hex(24)
    switches = {**hardened(("/data",)), "user": None}
    spec = Spec(
        image=IMAGE, command=("redis-server", "--requirepass", password), network=network, alias=ALIAS,
        **switches,  # type: ignore[arg-type]
    )  # fmt: skip
    running = Redis(lab.start(spec), password)
    wait_until("Redis", lambda: running.ask("ping") == "PONG", READY_SECONDS)
    return running
