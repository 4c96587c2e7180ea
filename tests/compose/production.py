"""The production Compose project, beside a provider outside of it that speaks TLS, as an operator would run it."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import httpx
import yaml
from docker.models.containers import Container

from tests.support.lab import Box

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docker" / "compose"
SECONDS = 600
GATEWAYS = ("gateway-a", "gateway-b")
# Who is declared, and who is not: both are the fake provider.
DECLARED = "provider.example.com"
UNDECLARED = "elsewhere.example.com"
REQUEST_SECONDS = 120
MAKE_KEY = (
    "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=provider "
    f"-addext subjectAltName=DNS:{DECLARED},DNS:{UNDECLARED}"
)
# What the test adds: the provider, on the network that `egress` leads to.
OUTSIDE = """\
services:
  provider:
    image: ${GATEWAY_IMAGE}
    entrypoint: [python, /srv/provider.py, "443", /srv/tls/certificate.pem, /srv/tls/key.pem]
    healthcheck: {disable: true}
    # Any user may read a test's key.
    user: "0:0"
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


def config() -> dict[str, Any]:
    """The config that is shipped, with the test's models, and nobody to alert."""
    content: dict[str, Any] = yaml.safe_load((FOLDER / "production" / "config.yaml").read_text())
    content["model_list"] = [
        _model("provider/*", "openai/*", api_base=f"https://{DECLARED}/v1"),
        _model("undeclared", "openai/chat", api_base=f"https://{UNDECLARED}/v1"),
        _model("mock", "openai/gpt-4o-mini", mock_response="mocked answer"),
    ]
    del content["general_settings"]["alerting"]
    # A request that is refused a way out says so, and is not tried again.
    content["router_settings"] |= {"fallbacks": [], "num_retries": 0, "disable_cooldowns": True}
    return content


def _model(name: str, model: str, **parameters: str) -> dict[str, Any]:
    return {
        "model_name": name,
        "litellm_params": {"model": model, "api_key": "os.environ/PROVIDER_KEY", **parameters},
    }


@dataclass(frozen=True)
class Production:
    """One project of its own names, ports and networks."""

    client: docker.DockerClient
    directory: Path
    environment: Mapping[str, str]
    compose: tuple[str, ...]

    @property
    def url(self) -> str:
        return f"http://{self.environment['LISTEN']}"

    @property
    def master_key(self) -> str:
        return (self.directory / "secrets" / "gateway" / "LITELLM_MASTER_KEY").read_text()

    def run(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the folder of the Compose files; what it prints is together in `stdout`."""
        return subprocess.run(
            words, cwd=FOLDER, env={**self.environment, **environment}, timeout=SECONDS, check=False, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def docker_compose(self, *words: str, **environment: str) -> str:
        """A command of Compose that has to succeed; returns what it printed."""
        done = self.run(*self.compose, *words, **environment)
        assert done.returncode == 0, done.stdout + self.logs()
        return done.stdout

    def logs(self) -> str:
        return self.run(*self.compose, "logs", "--tail", "60").stdout

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
        self.run(*self.compose, "--profile", "*", "down", "--volumes", "--remove-orphans", "--timeout", "1")


def prepare(client: docker.DockerClient, image: str, directory: Path) -> Production:
    """What an operator does before the first `docker compose up`: config, secrets, variables."""
    done = subprocess.run(
        ["sh", "docker/compose/tool.sh", "docker"], cwd=ROOT, check=True, text=True, capture_output=True
    )
    words = done.stdout.split()
    compose = (str(ROOT / words[0]), *words[1:]) if "/" in words[0] else tuple(words)
    for name in ("config", "tls"):
        (directory / name).mkdir()
    tls = directory / "tls"
    subprocess.run(
        [*MAKE_KEY.split(), "-keyout", tls / "key.pem", "-out", tls / "certificate.pem"],
        check=True, capture_output=True,
    )  # fmt: skip
    (directory / "config" / "certificate.pem").write_bytes((tls / "certificate.pem").read_bytes())
    (directory / "config" / "config.yaml").write_text(yaml.safe_dump(config()))
    subprocess.run([sys.executable, FOLDER / "make_secrets.py", directory / "secrets"], check=True, capture_output=True)
    given = directory / "secrets" / "gateway" / "PROVIDER_KEY"
    given.write_text("provider-key")
    given.chmod(0o440)
    inside = f"10.{100 + secrets.randbelow(100)}.{secrets.randbelow(250)}"
    outside = directory / "outside.yaml"
    outside.write_text(OUTSIDE)
    egress = directory / "egress.yaml"
    egress.write_text(declare(image, directory / "config"))
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("COMPOSE_", "SLIPWAY_"))}
    environment |= {
        "COMPOSE_PROJECT_NAME": f"slipway-test-{secrets.token_hex(4)}",
        "COMPOSE_FILE": os.pathsep.join([str(FOLDER / "production.yaml"), str(egress), str(outside)]),
        # Of a person who has one here, none counts.
        "COMPOSE_DISABLE_ENV_FILE": "1",
        "LISTEN": f"127.0.0.1:{free_port()}",
        "CONFIG": str(directory / "config"),
        "SECRETS": str(directory / "secrets"),
        "INSIDE": inside,
        "GATEWAY_IMAGE": image,
        "REQUEST_TIMEOUT_SECONDS": str(REQUEST_SECONDS),
        "STOP_GRACE_SECONDS": str(REQUEST_SECONDS + 40),
        "PROVIDER": str(ROOT / "tests" / "support" / "provider.py"),
        "TLS": str(tls),
        "COMPOSE": " ".join(compose),
    }
    return Production(client, directory, environment, compose)


def declare(image: str, folder: Path) -> str:
    """The file that lets the gateways out, as the command of the documents makes it; one model is left undeclared."""
    content = yaml.safe_load((folder / "config.yaml").read_text())
    content["model_list"] = [model for model in content["model_list"] if model["model_name"] != "undeclared"]
    (folder / "declared.yaml").write_text(yaml.safe_dump(content))
    words = ["docker", "run", "--rm", "--network", "none", "--volume", f"{folder}:/app/config:ro", image]
    words += ["egress", "--format", "compose", "--config", "/app/config/declared.yaml"]
    return subprocess.run(words, check=True, text=True, capture_output=True).stdout
