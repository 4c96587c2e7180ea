"""The suite runs inside containers of the image: its own tests are not for this machine's Python."""

from __future__ import annotations

import docker
import pytest

from tests.engine.image import build

collect_ignore = ["suite"]


@pytest.fixture(scope="session")
def suite_image(client: docker.DockerClient, image: str) -> str:
    return build(image)
