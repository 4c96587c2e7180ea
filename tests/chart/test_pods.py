"""The containers of the rendered Deployment, Job and test really run, as kubelet would run them."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import httpx
import pytest
from openai import OpenAI

from tests.support import fake, policy, postgres, redis
from tests.support.chart import objects, pods
from tests.support.clients import stream_of
from tests.support.contract import assert_closed, assert_hardened
from tests.support.fake import Provider
from tests.support.lab import Lab, wait_until
from tests.support.pod import Manifest, Pod
from tests.support.postgres import Postgres
from tests.support.redis import Redis

READY_SECONDS = 180
MASTER = "sk-of-the-chart-0123456789abcdef"
DATABASE = "gateway"
STREAM_SECONDS = 20
CACHED = "provider/chat+n=1"
# A startup hook of the user's.
STAMP = """
def begin():
    print("the hook of the chart ran")
"""


def model(name: str, to: str, host: str) -> dict[str, Any]:
    parameters = {"model": to, "api_base": f"http://{host}:{fake.PORT}/v1", "api_key": "os.environ/PROVIDER_KEY"}
    return {"model_name": name, "litellm_params": parameters}


def values(host: str, provider: str) -> dict[str, Any]:
    """`provider` is the only address beside the services that the pod may ask."""
    return {
        "replicas": 1,
        "requestTimeoutSeconds": 60,
        "settleSeconds": 2,
        "secrets": {
            "masterKey": {"existingSecret": "keys"},
            "saltKey": {"existingSecret": "salt"},
            "existing": ["providers"],
        },
        "database": {
            "host": host,
            "name": DATABASE,
            "username": postgres.USER,
            "password": {"existingSecret": "database"},
        },
        "redis": {"host": redis.ALIAS, "password": {"existingSecret": "redis"}, "cache": True},
        "config": {
            "model_list": [
                model("provider/*", "openai/*", "provider"),
                model("undeclared", "openai/chat", "elsewhere"),
            ],
            "router_settings": {"num_retries": 0, "disable_cooldowns": True},
        },
        "hooks": {"files": {"stamp.py": STAMP}, "startup": ["stamp:begin"]},
        "networkPolicy": {
            "egress": [{"ports": [{"port": fake.PORT}], "to": [{"ipBlock": {"cidr": f"{provider}/32"}}]}]
        },
        "metrics": {"token": {"existingSecret": "scrape"}},
    }


def secret(name: str, **data: str) -> dict[str, Any]:
    return {"kind": "Secret", "metadata": {"name": name}, "stringData": data}


@dataclass(frozen=True)
class Release:
    """The pods of one installation."""

    lab: Lab
    manifest: Manifest
    specs: dict[str, dict[str, Any]]
    directory: Path
    network: str
    redis: Redis

    def policy(self) -> dict[str, Any]:
        """The rendered NetworkPolicy."""
        (found,) = [found for (kind, _), found in self.manifest.objects.items() if kind == "NetworkPolicy"]
        return found

    def pod(self, kind: str) -> Pod:
        directory = self.directory / kind
        directory.mkdir()
        return Pod(self.lab, self.manifest, directory, self.network, self.specs[kind])


@pytest.fixture(scope="module")
def release(
    client: docker.DockerClient, image: str, directory: Path, provider: Provider, network: str
) -> Iterator[Release]:
    with Lab(client, image) as lab:
        server: Postgres = postgres.start(lab, network)
        server.sql(f"CREATE DATABASE {DATABASE}")
        cache = redis.start(lab, network)
        fake.start(lab, network, "elsewhere")
        rendered = objects(values(postgres.ALIAS, provider.box.address(network)))
        given = [
            secret("keys", LITELLM_MASTER_KEY=MASTER),
            secret("salt", LITELLM_SALT_KEY="sk-salt-of-the-chart-0123456789abcdef"),
            secret("database", password=server.password),
            secret("providers", PROVIDER_KEY="provider-key"),
            secret("redis", password=cache.password),
            secret("scrape", token="token-of-the-scrape"),
        ]
        yield Release(lab, Manifest.of([*rendered, *given]), pods(rendered), directory, network, cache)


@pytest.fixture(scope="module")
def running(release: Release) -> Pod:
    """The gateway that began while nobody had migrated yet, and waited for the Job."""
    gateway, job = release.pod("Deployment"), release.pod("Job")
    box = gateway.start()
    policy.enforce(box, release.policy())
    wait_until("a gateway that waits", lambda: "waiting for the schema" in box.logs(), 60)
    assert not gateway.probe("startupProbe")
    done = job.start().finished(READY_SECONDS)
    assert done.code == 0, done.output
    gateway.wait_ready(READY_SECONDS)
    return gateway


def test_the_gateway_waits_for_the_migration_and_serves(running: Pod) -> None:
    answer = ask(running, "provider/chat", "a boat")
    assert answer == "echo of a boat"
    created = httpx.post(f"{running.url(4000)}/key/generate", headers={"Authorization": f"Bearer {MASTER}"}, json={})
    assert created.status_code == 200, created.text


def test_the_pod_keeps_the_contract(running: Pod) -> None:
    assert running.box is not None
    assert_hardened(running.box.python)
    assert_closed(lambda name: completion(running, name), "provider/chat", "undeclared")


def test_answers_are_kept_in_redis(release: Release, running: Pod, provider: Provider) -> None:
    wait_until("the first answer in Redis", lambda: ask(running, CACHED, "a ship") != "" and kept(release) > 0, 30)
    asked = provider.requests("chat+n=1")
    assert ask(running, CACHED, "a ship") == "echo of a ship"
    assert provider.requests("chat+n=1") == asked


def test_a_hook_of_the_values_runs_in_the_worker(running: Pod) -> None:
    assert running.box is not None
    assert "the hook of the chart ran" in running.box.logs()


def test_a_scrape_shows_its_token(running: Pod) -> None:
    address = f"{running.url('management')}/metrics"
    assert httpx.get(address).status_code in (401, 403)
    found = httpx.get(address, headers={"Authorization": "Bearer token-of-the-scrape"})
    assert found.status_code == 200
    assert "slipway_ready 1" in found.text


def test_the_check_of_helm_test_finds_nothing_wrong(release: Release, running: Pod) -> None:
    done = release.pod("Pod").start().finished()
    assert done.code == 0, done.output


def test_no_volume_exceeds_its_limit(running: Pod) -> None:
    assert running.overfull() == []


def test_a_pod_that_is_deleted_finishes_its_stream(running: Pod) -> None:
    """Runs last: nothing of the pod is left afterwards."""
    text = "x" * (STREAM_SECONDS - len("echo of "))
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(ask, running, stream_of(STREAM_SECONDS, STREAM_SECONDS), text, stream=True)
        wait_until("the stream", lambda: in_flight(running) > 0, 30)
        assert running.terminate() == 0
        assert answer.result() == f"echo of {text}"


def kept(release: Release) -> int:
    """How many keys Redis has."""
    return int(release.redis.ask("dbsize"))


def completion(pod: Pod, model: str) -> httpx.Response:
    """One chat completion, whatever comes."""
    return httpx.post(
        f"{pod.url('http')}/v1/chat/completions",
        json={"model": model, "messages": [{"role": "user", "content": "a boat"}]},
        headers={"Authorization": f"Bearer {MASTER}"},
        timeout=120,
    )


def ask(pod: Pod, model: str, text: str, *, stream: bool = False) -> str:
    with OpenAI(base_url=f"{pod.url('http')}/v1", api_key=MASTER, max_retries=0, timeout=120) as client:
        messages: Any = [{"role": "user", "content": text}]
        if not stream:
            return client.chat.completions.create(model=model, messages=messages).choices[0].message.content or ""
        parts = client.chat.completions.create(model=model, messages=messages, stream=True)
        return "".join(choice.delta.content or "" for part in parts for choice in part.choices)


def in_flight(pod: Pod) -> int:
    found = httpx.get(f"{pod.url('management')}/metrics", headers={"Authorization": "Bearer token-of-the-scrape"}).text
    lines = [line for line in found.splitlines() if line.startswith("slipway_requests_in_flight")]
    return int(sum(float(line.split()[-1]) for line in lines))
