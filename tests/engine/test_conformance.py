"""The query engine against what prisma-client-py documents, on each version of PostgreSQL: see suite/."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

from tests.engine import report
from tests.engine.report import Case
from tests.support import postgres
from tests.support.lab import Lab, Spec, hardened

FILES = sorted(path.stem for path in (Path(__file__).parent / "suite").glob("test_*.py"))
SUITE_SECONDS = 900
# Nobody needs these databases after a power cut.
FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@pytest.fixture(scope="module", params=[15, 17], ids=lambda version: f"postgresql-{version}")
def cases(
    client: docker.DockerClient, suite_image: str, request: pytest.FixtureRequest
) -> Iterator[dict[str, list[Case]]]:
    """What the suite reported, by file; it runs once for each version, hardened as the gateway, without a way out."""
    with Lab(client, suite_image) as lab:
        network = lab.network(internal=True)
        database = postgres.start(lab, network, request.param, settings=FAST)
        environment = {"DATABASE_URL": database.url("postgres")}
        switches: dict[str, Any] = hardened()
        done = lab.once(Spec(env=environment, network=network, **switches), SUITE_SECONDS)
        assert done.stdout.startswith("<?xml"), done.stderr[-6000:]
        yield report.read(done.stdout)


@pytest.mark.parametrize("file", FILES)
def test_the_suite(cases: dict[str, list[Case]], file: str, subtests: pytest.Subtests) -> None:
    assert cases.get(file), "nothing was collected"
    for case in cases[file]:
        with subtests.test(case.name):
            if case.failure is not None:
                pytest.fail(case.failure, pytrace=False)


def test_every_file_of_the_suite_is_here(cases: dict[str, list[Case]]) -> None:
    assert sorted(cases) == FILES
