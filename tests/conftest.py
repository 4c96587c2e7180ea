"""Fixtures of every test that runs containers."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import docker
import pytest
from docker.errors import ImageNotFound, NotFound
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from sbom.tree import of_image
from tests.support import fake, mapped
from tests.support.lab import Box, Lab

LOG_TAIL = 6000
IMAGE = os.environ.get("SLIPWAY_TEST_IMAGE", "slipway:dev")
# Those that load the machine would disturb each other: they run one after the other, beside everything else.
HEAVY = "tests/scenarios/"
# Few tests of minutes each: begun late, one line would go on alone.
LONG = "tests/upgrade/"


class Lines(LoadScopeScheduling):  # type: ignore[misc]
    """What `make test` runs in one line: the heavy tests, and those of each other file."""

    def _split_scope(self, nodeid: str) -> str:
        return HEAVY if nodeid.startswith(HEAVY) else nodeid.partition("::")[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Lines:
    return Lines(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Those first that take the longest."""
    items.sort(key=lambda item: (not item.nodeid.startswith(HEAVY), not item.nodeid.startswith(LONG)))


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
    return _image(client, IMAGE)


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


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Mapped())


class Mapped:
    """Every file that a gateway of the image under test has mapped, in whatever test, belongs to a component."""

    def __init__(self) -> None:
        self.files: set[str] = set()
        self.boxes = 0
        self.complaints: list[str] = []

    def note(self, box: Box) -> None:
        """A container that a test is done with."""
        if box.image == IMAGE and (found := mapped.files_at_the_end(box)):
            self.files |= found
            self.boxes += 1

    def pytest_sessionstart(self) -> None:
        Lab.parting = self.note

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """What a process of xdist has noted comes to the one that started it."""
        output = getattr(node, "workeroutput", {})
        self.files |= set(output.get("mapped", ()))
        self.boxes += output.get("boxes", 0)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if hasattr(session.config, "workeroutput"):
            session.config.workeroutput |= {"mapped": sorted(self.files), "boxes": self.boxes}
        elif self.files:
            self.complaints = mapped.nobodys(of_image(IMAGE, ["docker"]), self.files)
            if self.complaints:
                session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.files:
            text = f"{len(self.files)} files were mapped by {self.boxes} gateways of {IMAGE}"
            terminalreporter.write_line(f"{text}; in no component: {', '.join(self.complaints) or 'none'}")
