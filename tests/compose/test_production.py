"""The production Compose project: hardened, closed, replaced under load, and one in its limits."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from tests.compose.production import GATEWAYS, UNDECLARED, Production, prepare
from tests.support.clients import Clients, stream_of
from tests.support.lab import wait_until


@pytest.fixture(scope="module")
def production(client: docker.DockerClient, image: str, directory: Path) -> Iterator[Production]:
    project = prepare(client, image, directory)
    try:
        project.docker_compose("up", "--detach", "--wait")
        yield project
    finally:
        project.remove()


def test_a_declared_host_is_reached_through_the_way_out(production: Production) -> None:
    answer = production.ask("provider/chat")
    assert answer.status_code == 200, answer.text + production.logs()
    assert "echo of a boat" in answer.text
    assert "provider.test" in production.box("egress").logs()


@pytest.fixture(scope="module")
def next_image(production: Production, client: docker.DockerClient) -> Iterator[str]:
    """Another image of the same gateway."""
    name = f"{production.environment['COMPOSE_PROJECT_NAME']}:next"
    container = client.containers.create(production.environment["GATEWAY_IMAGE"])
    try:
        container.commit(*name.split(":"), changes="LABEL next=yes")
        yield name
    finally:
        container.remove()
        client.images.remove(name, force=True)


def test_another_image_is_rolled_out_under_load(production: Production, next_image: str) -> None:
    before = {service: production.container(service).id for service in GATEWAYS}
    with Clients(
        production.url, production.master_key, count=20, streaming=10, stream_model=stream_of(6, 12), pause_seconds=0.5
    ) as asked:
        wait_until("all clients", lambda: asked.in_flight >= 10, 60)
        done = production.run("sh", "roll.sh", GATEWAY_IMAGE=next_image)
        assert done.returncode == 0, done.stdout + production.logs()
    asked.assert_all_succeeded()
    for service in GATEWAYS:
        assert production.container(service).id != before[service]
        assert production.container(service).labels.get("next") == "yes"
