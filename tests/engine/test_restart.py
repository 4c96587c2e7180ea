"""A database that restarts, or dies and comes back, costs no engine."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import docker
import pytest

from tests.support import postgres
from tests.support.lab import Box, Lab, Spec, hardened, wait_until
from tests.support.postgres import Postgres

# Cannot reach, timed out, closed; and what PostgreSQL says of itself as a statement's error.
EXPECTED = {"ok", "P1001", "P1002", "P1008", "P1017", "P2010", "P2024"}
WATCH = ("tini", "--", "python", "-m", "tests.engine.suite.watch")


@pytest.fixture
def site(client: docker.DockerClient, suite_image: str) -> Iterator[tuple[Postgres, Box]]:
    """A database, and a client that asks it all the time."""
    with Lab(client, suite_image) as lab:
        network = lab.network(internal=True)
        database = postgres.start(lab, network)
        environment = {"DATABASE_URL": database.url("postgres")}
        switches: dict[str, Any] = hardened()
        box = lab.start(Spec(env=environment, network=network, entrypoint=WATCH, **switches))
        wait_until("the first answer", lambda: outcomes(box) == ["ok"])
        yield database, box


def outcomes(box: Box) -> list[str]:
    return box.logs(stderr=False).split()


def test_a_restart(site: tuple[Postgres, Box]) -> None:
    database, box = site
    database.restart()
    wait_until("an answer after the restart", lambda: outcomes(box)[1:].count("ok") > 0, 30)
    assert set(outcomes(box)) <= EXPECTED


def test_a_crash_and_a_long_absence(site: tuple[Postgres, Box]) -> None:
    database, box = site
    database.kill()
    wait_until("an error that says so", lambda: "P1001" in outcomes(box), 30)
    database.start()
    wait_until("an answer again", lambda: outcomes(box)[-1] == "ok", 30)
    assert set(outcomes(box)) <= EXPECTED
