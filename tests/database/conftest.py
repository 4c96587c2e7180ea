"""One PostgreSQL for each file of tests; each test has a database of its own in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.database.support import Site, assert_no_stray_engine, shipped
from tests.support import postgres
from tests.support.lab import Lab


@pytest.fixture(scope="module")
def site(module_lab: Lab) -> Site:
    network = module_lab.network(internal=True)
    return Site(module_lab, network, postgres.start(module_lab, network))


@pytest.fixture(autouse=True)
def ended(request: pytest.FixtureRequest) -> Iterator[None]:
    """End what a test started beside the shared PostgreSQL: gateways of earlier tests would slow the later ones.

    Whatever the test did, no engine is left that has lost its worker.
    """
    if "site" not in request.fixturenames:
        yield
        return
    site: Site = request.getfixturevalue("site")
    before = len(site.lab.boxes)
    yield
    for box in site.lab.boxes[before:]:
        if box.running and box.image == site.lab.image:
            assert_no_stray_engine(box)
        box.container.remove(force=True, v=True)
    del site.lab.boxes[before:]


@pytest.fixture(scope="module")
def migrations(module_lab: Lab) -> dict[str, str]:
    return shipped(module_lab)


@pytest.fixture(scope="module")
def migrated(site: Site) -> str:
    """A database with this image's schema, for tests that leave it so."""
    name = site.database()
    done = site.run(name, "migrate")
    assert done.code == 0, done.output
    return name
