"""Images of two lines of LiteLLM beside one PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator

import docker
import pytest
from docker.errors import ImageNotFound

from tests.database.support import Site
from tests.support import postgres
from tests.support.lab import Lab
from tests.support.postgres import Postgres
from tests.upgrade.lines import THIS, Pair


def line_image(client: docker.DockerClient, image: str, line: str) -> str:
    """The image of a line; fails the test with the command that builds it when it does not exist."""
    name = image if line == THIS else f"{image}-{line}"
    try:
        client.images.get(name)
    except ImageNotFound:
        tag = image.rpartition(":")[2]
        pytest.fail(f"the image {name} does not exist: TAG={tag} sh docker/build.sh {line}", pytrace=False)
    return name


@pytest.fixture(scope="module")
def server(module_lab: Lab, network: str) -> Postgres:
    return postgres.start(module_lab, network)


@pytest.fixture(scope="module")
def lines(request: pytest.FixtureRequest) -> tuple[str, str]:
    """The older and the newer line; a file's tests may ask for others by a parameter."""
    found: tuple[str, str] = getattr(request, "param", ("previous", THIS))
    return found


@pytest.fixture(scope="module")
def older_lab(client: docker.DockerClient, image: str, network: str, lines: tuple[str, str]) -> Iterator[Lab]:
    with Lab(client, line_image(client, image, lines[0])) as lab:
        yield lab


@pytest.fixture(scope="module")
def newer_lab(client: docker.DockerClient, image: str, network: str, lines: tuple[str, str]) -> Iterator[Lab]:
    with Lab(client, line_image(client, image, lines[1])) as lab:
        yield lab


@pytest.fixture(scope="module")
def pair(older_lab: Lab, newer_lab: Lab, network: str, server: Postgres) -> Pair:
    return Pair(Site(older_lab, network, server), Site(newer_lab, network, server))
