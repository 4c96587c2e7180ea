"""The production Compose project, beside a provider outside of it that speaks TLS, as an operator would run it."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import httpx
import yaml
from docker.models.containers import Container

from tests.support.document import blocks
from tests.support.lab import Box
from tests.support.outside import DECLARED, UNDECLARED, make_certificate

ROOT = Path(__file__).resolve().parents[2]
PAGE = "docs/compose.md"
SECONDS = 600
GATEWAYS = ("gateway-a", "gateway-b")
REQUEST_SECONDS = 120
# What the test adds: the provider, on the network that `egress` leads to.
OUTSIDE = """\
services:
  provider:
    image: ${GATEWAY_IMAGE}
    entrypoint: [python, /srv/provider.py, "443", /srv/tls/certificate.pem, /srv/tls/key.pem]
    healthcheck: {disable: true}
    volumes:
      - ${PROVIDER}:/srv/provider.py:ro
      - ${TLS}:/srv/tls:ro
    networks: {outside: {aliases: [provider.example.com, elsewhere.example.com]}}
  gateway-a: {environment: {SSL_CERT_FILE: /app/config/certificate.pem}}
  gateway-b: {environment: {SSL_CERT_FILE: /app/config/certificate.pem}}
"""


def free_port() -> int:
    """A port of the loopback that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def config(inside: str) -> dict[str, Any]:
    """The config that is shipped, with the test's models and network, and nobody to alert."""
    content: dict[str, Any] = yaml.safe_load((ROOT / "docker/compose/production/config.yaml").read_text())
    content["model_list"] = [
        _model("provider/*", "openai/*", api_base=f"https://{DECLARED}/v1"),
        _model("undeclared", "openai/chat", api_base=f"https://{UNDECLARED}/v1"),
        _model("mock", "openai/gpt-4o-mini", mock_response="mocked answer"),
    ]
    del content["general_settings"]["alerting"]
    # As .env.example has it beside INSIDE.
    content["general_settings"]["trusted_proxy_ranges"] = [f"{inside}.0/24"]
    # A request that is refused a way out says so, and is not tried again.
    content["router_settings"] |= {"fallbacks": [], "num_retries": 0, "disable_cooldowns": True}
    return content


def _model(name: str, model: str, **parameters: str) -> dict[str, Any]:
    return {
        "model_name": name,
        "litellm_params": {"model": model, "api_key": "os.environ/OPENAI_API_KEY", **parameters},
    }


@dataclass(frozen=True)
class Production:
    """One project of its own names, ports and networks, in a copy of what is published."""

    client: docker.DockerClient
    directory: Path
    environment: Mapping[str, str]

    @property
    def folder(self) -> Path:
        """Where the page's commands are typed."""
        return self.directory / "docker" / "compose"

    def follow(self, heading: str, block: int = 0, **environment: str) -> str:
        """Run a block of the page, as it stands there but for the image and the port; it has to succeed."""
        text = blocks(PAGE, heading)[block]
        text = text.replace("slipway:dev", self.environment["GATEWAY_IMAGE"])
        text = text.replace("127.0.0.1:4000", self.environment["LISTEN"])
        place = self.directory if text.startswith("cd ") else self.folder
        done = self.run("sh", "-ec", text, place=place, **environment)
        assert done.returncode == 0, done.stdout + self.logs()
        return done.stdout

    @property
    def url(self) -> str:
        return f"http://{self.environment['LISTEN']}"

    @property
    def master_key(self) -> str:
        return (self.folder / "secrets" / "gateway" / "LITELLM_MASTER_KEY").read_text()

    def run(self, *words: str, place: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the folder of the Compose files; what it prints is together in `stdout`."""
        variables = {**self.environment, **environment}
        return subprocess.run(
            words, cwd=place or self.folder, env=variables, timeout=SECONDS, check=False, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def docker_compose(self, *words: str, **environment: str) -> str:
        """A command of Compose that has to succeed; returns what it printed."""
        done = self.run("docker", "compose", *words, place=None, **environment)
        assert done.returncode == 0, done.stdout + self.logs()
        return done.stdout

    def logs(self) -> str:
        return self.run("docker", "compose", "logs", "--tail", "60").stdout

    def container(self, service: str) -> Container:
        label = [
            f"com.docker.compose.project={self.environment['COMPOSE_PROJECT_NAME']}",
            f"com.docker.compose.service={service}",
            "com.docker.compose.oneoff=False",
        ]
        (found,) = self.client.containers.list(all=True, filters={"label": label})
        return found

    def box(self, service: str) -> Box:
        return Box(self.container(service))

    def write(self, content: dict[str, Any]) -> None:
        """Write the config of the gateways."""
        (self.folder / "production" / "config.yaml").write_text(yaml.safe_dump(content))

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Ask the gateways' own API, with the master key."""
        headers = {"Authorization": f"Bearer {self.master_key}"}
        answer = httpx.post(self.url + path, json=body, headers=headers, timeout=60)
        assert answer.status_code == 200, answer.text
        content: dict[str, Any] = answer.json()
        return content

    def ask(self, model: str, key: str | None = None, text: str = "a boat") -> httpx.Response:
        """One chat completion, whatever comes."""
        return httpx.post(
            f"{self.url}/v1/chat/completions",
            json={"model": model, "messages": [{"role": "user", "content": text}]},
            headers={"Authorization": f"Bearer {key or self.master_key}"},
            timeout=REQUEST_SECONDS,
        )

    def remove(self) -> None:
        """With what the page started beside it."""
        files = f"{self.environment['COMPOSE_FILE']}:observability.yaml"
        words = ("--profile", "*", "down", "--volumes", "--remove-orphans", "--timeout", "1")
        self.docker_compose(*words, COMPOSE_FILE=files)


def prepare(client: docker.DockerClient, image: str, directory: Path) -> Production:
    """Everything but what the page says: a copy of the files, the test's models, a provider outside."""
    for name in ("compose", "haproxy", "observability"):
        ignored = shutil.ignore_patterns("secrets", ".env", "__pycache__")
        shutil.copytree(ROOT / "docker" / name, directory / "docker" / name, ignore=ignored)
    tls = directory / "tls"
    tls.mkdir()
    make_certificate(tls)
    folder = directory / "docker" / "compose"
    shutil.copy(tls / "certificate.pem", folder / "production")
    (folder / "outside.yaml").write_text(OUTSIDE)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("COMPOSE_", "SLIPWAY_"))}
    environment |= {
        "COMPOSE_PROJECT_NAME": f"slipway-test-{secrets.token_hex(4)}",
        "COMPOSE_FILE": "production.yaml:egress.yaml:outside.yaml",
        "LISTEN": f"127.0.0.1:{free_port()}",
        "INSIDE": f"10.{100 + secrets.randbelow(100)}.{secrets.randbelow(250)}",
        "GATEWAY_IMAGE": image,
        "REQUEST_TIMEOUT_SECONDS": str(REQUEST_SECONDS),
        "STOP_GRACE_SECONDS": str(REQUEST_SECONDS + 40),
        "PROVIDER": str(ROOT / "tests" / "support" / "provider.py"),
        "TLS": str(tls),
        "OPENAI_API_KEY": "provider-key",
        "DOCKER_CONFIG": str(_with_plugin(directory)),
    }
    production = Production(client, directory, environment)
    # What is declared is what the config has when the page's command is run; one model comes later.
    content = config(environment["INSIDE"])
    models = content["model_list"]
    content["model_list"] = [model for model in models if model["model_name"] != "undeclared"]
    production.write(content)
    production.run("python3", "make_secrets.py")
    production.follow("Change")
    production.write({**content, "model_list": models})
    return production


def _with_plugin(directory: Path) -> Path:
    """A folder of the client's settings in which `docker compose` is a command, as the page makes it one."""
    folder = directory / ".docker"
    folder.mkdir()
    if subprocess.run(["docker", "compose", "version"], check=False, capture_output=True).returncode:
        (block,) = blocks(PAGE, "Where `docker compose` is no command")
        subprocess.run(["sh", "-ec", block], cwd=ROOT, check=True, env={**os.environ, "HOME": str(directory)})
    return folder
