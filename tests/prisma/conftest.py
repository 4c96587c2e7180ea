"""A database server and a container with the prisma command, one of each for a file of tests."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.prisma.tool import Database, Tool
from tests.support import postgres
from tests.support.lab import Lab
from tests.support.postgres import Postgres


@pytest.fixture(scope="module")
def internal(module_lab: Lab) -> str:
    return module_lab.network(internal=True)


@pytest.fixture(scope="module")
def server(module_lab: Lab, internal: str) -> Postgres:
    return postgres.start(module_lab, internal)


@pytest.fixture(scope="module")
def tool(module_lab: Lab, internal: str, directory: Path) -> Tool:
    return Tool(module_lab, internal, directory)


@pytest.fixture
def database(server: Postgres) -> Iterator[Database]:
    name = f"test_{secrets.token_hex(4)}"
    server.sql(f"CREATE DATABASE {name}")
    yield Database(server, name)
    server.sql(f"DROP DATABASE {name} WITH (FORCE)")
