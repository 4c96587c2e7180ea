"""`make run` and `make stop` as a person types them, in a project beside any quickstart that runs already."""

from __future__ import annotations

import os
import re
import secrets
import socket
import stat
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import httpx
import pytest
from docker.models.containers import Container
from openai import OpenAI

from tests.support.lab import wait_until
from tests.support.prometheus import Prometheus

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 600
SECRETS = ("LITELLM_MASTER_KEY", "LITELLM_SALT_KEY", "POSTGRES_PASSWORD")


def free_port() -> int:
    """A port of the loopback that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True)
class Done:
    code: int
    output: str


@dataclass(frozen=True)
class Quickstart:
    client: docker.DockerClient
    project: str
    state: Path
    port: int

    def make(self, verb: str, port: int | None = None, **choices: object) -> Done:
        """Run one verb of the Makefile to its end."""
        # The outer make would tell the inner one to share its job server.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
        words = ["make", verb, f"PROJECT={self.project}", f"STATE={self.state}", f"PORT={port or self.port}"]
        words += [f"{name}={value}" for name, value in choices.items()]
        done = subprocess.run(
            words, cwd=ROOT, env=environment, timeout=SECONDS, check=False, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        return Done(done.returncode, done.stdout)

    def run(self) -> str:
        done = self.make("run")
        assert done.code == 0, done.output
        return done.output

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def values(self) -> dict[str, str]:
        lines = self.state.read_text().splitlines()
        return {name: value for name, _, value in (line.partition("=") for line in lines)}

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.values()['LITELLM_MASTER_KEY']}"}
        answer = httpx.post(self.url + path, json=body, headers=headers, timeout=60)
        assert answer.status_code == 200, answer.text
        content: dict[str, Any] = answer.json()
        return content

    def ask(self, key: str) -> str:
        """What the model that needs no account answers to this key."""
        client = OpenAI(base_url=f"{self.url}/v1", api_key=key, max_retries=0, timeout=60)
        answer = client.chat.completions.create(model="hello", messages=[{"role": "user", "content": "Hi"}])
        return answer.choices[0].message.content or ""

    def container(self, service: str) -> Container:
        label = [f"com.docker.compose.project={self.project}", f"com.docker.compose.service={service}"]
        (found,) = self.client.containers.list(all=True, filters={"label": label})
        return found

    def volumes(self) -> list[str]:
        found = self.client.volumes.list(filters={"label": f"com.docker.compose.project={self.project}"})
        return [str(volume.name) for volume in found]


@pytest.fixture(scope="module")
def quickstart(client: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Quickstart]:
    state = tmp_path_factory.mktemp("quickstart") / "state" / "env"
    quickstart = Quickstart(client, f"slipway-test-{secrets.token_hex(4)}", state, free_port())
    yield quickstart
    quickstart.make("stop")
    for volume in quickstart.volumes():
        client.volumes.get(volume).remove()


@pytest.fixture(scope="module")
def first(quickstart: Quickstart) -> str:
    """What the very first `make run` prints."""
    return quickstart.run()


@pytest.fixture(scope="module")
def virtual_key(quickstart: Quickstart, first: str) -> str:
    return str(quickstart.post("/key/generate", {"models": ["hello"], "max_budget": 1})["key"])


def test_the_first_run_says_how_to_use_the_gateway(quickstart: Quickstart, first: str) -> None:
    values = quickstart.values()
    assert set(values) == set(SECRETS)
    assert stat.S_IMODE(quickstart.state.stat().st_mode) == 0o600
    assert f"{quickstart.url}/ui/" in first
    assert "user admin" in first
    assert values["LITELLM_MASTER_KEY"] in first
    assert values["POSTGRES_PASSWORD"] not in first
    assert values["LITELLM_SALT_KEY"] not in first
    (example,) = re.findall(r"(?m)^  (curl .*\\\n.*)$", first)
    answer = subprocess.run(["sh", "-c", example], capture_output=True, text=True, timeout=60, check=True)
    assert "Hello from Slipway" in answer.stdout
    assert httpx.get(f"{quickstart.url}/ui/", timeout=60, follow_redirects=True).status_code == 200


def test_gateway_and_database_are_hardened_and_only_the_gateway_is_reached_from_this_machine_alone(
    quickstart: Quickstart, first: str
) -> None:
    for service, user in (("gateway", "65532:0"), ("postgres", "999:999")):
        attrs = quickstart.container(service).attrs
        host = attrs["HostConfig"]
        assert host["ReadonlyRootfs"], service
        assert host["CapDrop"] == ["ALL"], service
        assert "no-new-privileges:true" in host["SecurityOpt"], service
        assert attrs["Config"]["User"] == user
        published = [bound for bindings in (host["PortBindings"] or {}).values() for bound in bindings]
        expected = [{"HostIp": "127.0.0.1", "HostPort": str(quickstart.port)}] if service == "gateway" else []
        assert published == expected, service
    assert quickstart.container("gateway").attrs["Config"]["StopTimeout"] == 640


def test_a_key_made_in_the_database_works_and_costs(quickstart: Quickstart, virtual_key: str) -> None:
    assert "Hello from Slipway" in quickstart.ask(virtual_key)
    headers = {"Authorization": f"Bearer {virtual_key}"}

    def spent() -> bool:
        answer = httpx.get(f"{quickstart.url}/key/info", headers=headers, timeout=60)
        return bool(answer.json()["info"]["spend"] > 0)

    # LiteLLM writes spend in batches, up to a minute apart.
    wait_until("the key's spend", spent, 120)


def test_both_verbs_can_be_repeated_and_keep_the_data(quickstart: Quickstart, virtual_key: str) -> None:
    secrets_before = quickstart.state.read_bytes()
    before = {service: quickstart.container(service).id for service in ("gateway", "postgres")}
    quickstart.run()
    assert {service: quickstart.container(service).id for service in before} == before

    stopped = quickstart.make("stop")
    assert stopped.code == 0, stopped.output
    again = quickstart.make("stop")
    assert again.code == 0, again.output
    assert "not running" in again.output
    assert quickstart.volumes() == [f"{quickstart.project}_postgres"]

    quickstart.run()
    assert quickstart.state.read_bytes() == secrets_before
    assert "Hello from Slipway" in quickstart.ask(virtual_key)


def test_secrets_that_are_lost_are_not_made_anew_over_a_database(quickstart: Quickstart, virtual_key: str) -> None:
    kept = quickstart.state.with_name("kept")
    quickstart.state.rename(kept)
    try:
        done = quickstart.make("run")
        assert done.code != 0
        assert f"{quickstart.project}_postgres" in done.output
        assert all(name in done.output for name in SECRETS)
        assert not quickstart.state.exists()
    finally:
        kept.rename(quickstart.state)
    assert "Hello from Slipway" in quickstart.ask(virtual_key)


def test_a_wrong_setting_is_refused_while_the_gateway_goes_on(quickstart: Quickstart, virtual_key: str) -> None:
    right = quickstart.state.read_text()
    quickstart.state.write_text(right + "NUM_WORKERS=many\n")
    try:
        done = quickstart.make("run")
    finally:
        quickstart.state.write_text(right)
    assert done.code != 0
    assert "NUM_WORKERS" in done.output
    assert "Hello from Slipway" in quickstart.ask(virtual_key)


def test_a_port_that_is_taken_is_named(quickstart: Quickstart, virtual_key: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = quickstart.make("run", port)
    assert done.code != 0
    assert f"port {port} is taken" in done.output
    assert "Hello from Slipway" in quickstart.ask(virtual_key)


def test_a_failing_start_shows_the_gateways_last_words_and_leaves_the_data(
    quickstart: Quickstart, virtual_key: str
) -> None:
    right = quickstart.state.read_text()
    password = quickstart.values()["POSTGRES_PASSWORD"]
    quickstart.state.write_text(right.replace(password, "another") + "SLIPWAY_DATABASE_WAIT_SECONDS=5\n")
    try:
        done = quickstart.make("run")
    finally:
        quickstart.state.write_text(right)
    assert done.code != 0
    assert "The last lines of gateway" in done.output
    assert "slipway: error: " in done.output
    assert "another" not in done.output
    quickstart.run()
    assert "Hello from Slipway" in quickstart.ask(virtual_key)


def health(asked: Prometheus) -> set[str]:
    return {rule["health"] for rule in asked.rules()}


def test_prometheus_scrapes_the_gateway_beside_it(quickstart: Quickstart, virtual_key: str) -> None:
    port = free_port()
    done = quickstart.make("run", WITH="observability", PROMETHEUS_PORT=port)
    assert done.code == 0, done.output
    assert f"prometheus: http://127.0.0.1:{port}" in done.output
    asked = Prometheus(f"http://127.0.0.1:{port}", quickstart.state.parent)
    wait_until("a scrape", lambda: asked.answers() and asked.query("slipway_ready") != [], 90)
    ((labels, ready),) = asked.query("slipway_ready")
    assert (labels["job"], ready) == ("slipway", 1)
    wait_until("every rule to be evaluated", lambda: "unknown" not in health(asked), 90)
    assert health(asked) == {"ok"}
    assert "Hello from Slipway" in quickstart.ask(virtual_key)
