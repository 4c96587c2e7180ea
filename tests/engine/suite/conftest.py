"""One database, one engine for most tests, and empty tables before each of them."""

from __future__ import annotations

import functools
import os
from collections.abc import AsyncIterator, Iterator

import pytest

from tests.engine.suite.client import BINARY_PATHS, Prisma, utils
from tests.engine.suite.database import Database, replaced
from tests.engine.suite.engines import alive, engine_of


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session", autouse=True)
def _one_look_for_the_binary() -> Iterator[None]:
    """The client runs three programs before each start of an engine; here once is enough."""
    look = utils.ensure
    found = functools.cache(lambda: look(BINARY_PATHS.query_engine))
    utils.ensure = lambda _: found()
    yield
    utils.ensure = look


@pytest.fixture(scope="session")
def url() -> Iterator[str]:
    """The database of this process: each of several that share the work has its own."""
    given, worker = os.environ["DATABASE_URL"], os.environ.get("PYTEST_XDIST_WORKER")
    if worker is None:
        yield given
        return
    name = f"conformance_{worker}"
    server = Database(given)
    server.run(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    server.run(f"CREATE DATABASE {name}")
    server.close()
    # Where a client that is not told otherwise looks.
    os.environ["DATABASE_URL"] = replaced(given, database=name)
    yield os.environ["DATABASE_URL"]
    os.environ["DATABASE_URL"] = given


@pytest.fixture(scope="session")
def schema() -> str:
    """The path of the data model that the client came from."""
    return str(Prisma()._packaged_schema_path)


@pytest.fixture(scope="session")
def database(url: str) -> Iterator[Database]:
    database = Database(url)
    database.create_tables()
    yield database
    database.close()


@pytest.fixture(autouse=True)
def sql(database: Database) -> Database:
    database.empty()
    return database


@pytest.fixture(scope="session")
async def session_client(anyio_backend: str, database: Database) -> AsyncIterator[Prisma]:
    client = Prisma()
    await client.connect()
    yield client
    await client.disconnect()


@pytest.fixture
async def db(session_client: Prisma) -> AsyncIterator[Prisma]:
    """The client of most tests. No test may end its engine: the next one gets a new one, this one fails."""
    yield session_client
    process = engine_of(session_client).process
    if not alive(process.pid):
        code = process.wait()
        await session_client.disconnect()
        await session_client.connect()
        pytest.fail(f"the engine ended during this test, with {code}", pytrace=False)
