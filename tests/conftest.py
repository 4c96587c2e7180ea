"""Fixtures of every test that runs containers."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Generator, Iterator
from pathlib import Path

import docker
import pytest
from docker.errors import ImageNotFound, NotFound
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from tests.support import fake
from tests.support.lab import Lab

LOG_TAIL = 6000
# Those that load the machine would disturb each other: they run one after the other, beside everything else.
HEAVY = "tests/scenarios/"


class Lines(LoadScopeScheduling):  # type: ignore[misc]
    """What `make test` runs in one line: the heavy tests, and those of each other file."""

    def _split_scope(self, nodeid: str) -> str:
        return HEAVY if nodeid.startswith(HEAVY) else nodeid.partition("::")[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Lines:
    return Lines(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The heavy ones first: they take the longest."""
    items.sort(key=lambda item: not item.nodeid.startswith(HEAVY))


@pytest.fixture(scope="session")
def client() -> Iterator[docker.DockerClient]:
    client = docker.from_env(timeout=120)
    yield client
    client.close()


def _image(client: docker.DockerClient, name: str) -> str:
    try:
        client.images.get(name)
    except ImageNotFound:
        pytest.fail(f"the image {name} does not exist: build it with `make image`", pytrace=False)
    return name


@pytest.fixture(scope="session")
def image(client: docker.DockerClient) -> str:
    return _image(client, os.environ.get("SLIPWAY_TEST_IMAGE", "slipway:dev"))


@pytest.fixture(scope="session")
def slim_image(client: docker.DockerClient, image: str) -> str:
    return _image(client, f"{image}-slim")


@pytest.fixture
def lab(client: docker.DockerClient, image: str) -> Iterator[Lab]:
    """Containers that live as long as one test."""
    with Lab(client, image) as lab:
        yield lab


@pytest.fixture(scope="module")
def module_lab(client: docker.DockerClient, image: str) -> Iterator[Lab]:
    """Containers that live as long as one file of tests."""
    with Lab(client, image) as lab:
        yield lab


@pytest.fixture(scope="module")
def network(module_lab: Lab) -> str:
    return module_lab.network()


@pytest.fixture(scope="module")
def provider(module_lab: Lab, network: str) -> fake.Provider:
    return fake.start(module_lab, network)


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """For the files of containers that outlive one test."""
    return tmp_path_factory.mktemp("mounted")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed:
        labs = [value for value in getattr(item, "funcargs", {}).values() if isinstance(value, Lab)]
        for box in (box for lab in labs for box in lab.boxes):
            # A lab that is torn down already has no logs any more.
            with contextlib.suppress(NotFound):
                report.sections.append((f"log of {box.name}", box.logs()[-LOG_TAIL:]))
    return report
