"""One PostgreSQL for each file of tests; each test has a database of its own in it."""

from __future__ import annotations

import pytest

from tests.database.support import Site, shipped
from tests.support import postgres
from tests.support.lab import Lab


@pytest.fixture(scope="module")
def site(module_lab: Lab) -> Site:
    network = module_lab.network(internal=True)
    return Site(module_lab, network, postgres.start(module_lab, network))


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
