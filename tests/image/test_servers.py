"""The official client gets its answers under each server, and the processes are those of the design."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import docker
import pytest

from tests.support import gateway
from tests.support.fake import Provider
from tests.support.gateway import Gateway
from tests.support.lab import WRITABLE, Lab, wait_until
from tests.support.processes import server_of, tree, workers_of

SERVERS = ("uvicorn", "gunicorn", "hypercorn", "granian")


@dataclass(frozen=True)
class Running:
    server: str
    workers: int
    gateway: Gateway


def run(lab: Lab, directory: Path, network: str, server: str, workers: int, harden: bool) -> Running:
    args = ("--config", gateway.CONFIG_PATH, "--num_workers", str(workers))
    env = {"SLIPWAY_SERVER": server}
    return Running(server, workers, gateway.start(lab, directory, args=args, env=env, network=network, harden=harden))


def assert_client_is_served(found: Gateway) -> None:
    client = found.openai()
    assert found.ask("provider/chat", "a boat") == "echo of a boat"
    stream = client.chat.completions.create(
        model="provider/chat+chunks=4",
        messages=[{"role": "user", "content": "a long stream"}],
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = list(stream)
    texts = [chunk.choices[0].delta.content for chunk in chunks if chunk.choices and chunk.choices[0].delta.content]
    assert "".join(texts) == "echo of a long stream"
    assert len(texts) == 4
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.total_tokens == 12
    embedding = client.embeddings.create(model="provider/embedding", input=["a", "b"])
    assert [row.embedding for row in embedding.data] == [[0.25, -0.5, 1.0]] * 2


@pytest.fixture(
    scope="module", params=[(s, w) for s in SERVERS for w in (1, 3)], ids=lambda case: f"{case[0]}-{case[1]}"
)
def hardened(
    request: pytest.FixtureRequest,
    client: docker.DockerClient,
    image: str,
    directory: Path,
    provider: Provider,
    network: str,
) -> Iterator[Running]:
    server, workers = request.param
    with Lab(client, image) as lab:
        yield run(lab, directory, network, server, workers, harden=True)


@pytest.fixture(scope="module", params=SERVERS)
def plain(
    request: pytest.FixtureRequest,
    client: docker.DockerClient,
    image: str,
    directory: Path,
    provider: Provider,
    network: str,
) -> Iterator[Running]:
    with Lab(client, image) as lab:
        yield run(lab, directory, network, request.param, 1, harden=False)


def test_client_is_served_by_a_hardened_gateway(hardened: Running) -> None:
    assert_client_is_served(hardened.gateway)


def test_processes_are_those_of_the_design(hardened: Running) -> None:
    wait_until("all workers", lambda: len(serving(hardened)) == hardened.workers, 90)
    assert not tree(hardened.gateway.box).zombies()


def serving(running: Running) -> list[int]:
    found = tree(running.gateway.box)
    server = server_of(found, running.server)
    return [worker.pid for worker in workers_of(found, server, running.workers)]


def test_management_port_tells_liveness_and_readiness(hardened: Running) -> None:
    assert hardened.gateway.management("/livez").status_code == 200
    assert hardened.gateway.management("/readyz").status_code == 200


def test_client_is_served_by_a_plain_gateway(plain: Running) -> None:
    assert_client_is_served(plain.gateway)


def test_a_plain_run_writes_only_to_the_declared_places(plain: Running) -> None:
    plain.gateway.ask("provider/chat")
    # A mounted file leaves its mount point behind, in the engine's hand and not in ours.
    expected = {gateway.CONFIG_PATH, *map(str, Path(gateway.CONFIG_PATH).parents)}
    expected |= {str(parent) for place in WRITABLE for parent in Path(place).parents} | set(WRITABLE)
    inside = tuple(f"{place}/" for place in WRITABLE)
    changed = [path for path in plain.gateway.box.changes() if path not in expected and not path.startswith(inside)]
    assert changed == []
