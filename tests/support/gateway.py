"""A running gateway: started from a config text, waited for, and talked to as a client would."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from openai import OpenAI

from tests.support.lab import POLL_SECONDS, Box, Lab, Spec, StoppedEarly, confined

PORT = 4000
MANAGEMENT_PORT = 4001
CONFIG_PATH = "/app/config.yaml"
MASTER_KEY = f"sk-{secrets.token_hex(24)}"
PROVIDER_KEY = f"provider-{secrets.token_hex(24)}"
READY_SECONDS = 150

# One model that needs no provider; lines for it may follow.
MOCK = """\
model_list:
  - model_name: mock
    litellm_params:
      model: openai/mock
      api_key: os.environ/PROVIDER_KEY
      mock_response: mocked answer
"""
# `provider/NAME` reaches the fake provider as the model NAME, whose text steers it (see provider.py).
CONFIG = f"""{MOCK}\
  - model_name: provider/*
    litellm_params:
      model: openai/*
      api_base: http://provider:8080/v1
      api_key: os.environ/PROVIDER_KEY
"""


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """What every gateway of the tests needs: the two secrets, and metrics for the host; `extra` wins."""
    needed = {"LITELLM_MASTER_KEY": MASTER_KEY, "PROVIDER_KEY": PROVIDER_KEY, "SLIPWAY_METRICS_AUTH": "off"}
    return {**needed, **(extra or {})}


def write(directory: Path, name: str, text: str, mode: int = 0o644) -> Path:
    """A file for a bind mount, readable by the container's foreign uid whatever the umask is."""
    path = directory / name
    path.write_text(text)
    path.chmod(mode)
    return path


@dataclass(frozen=True)
class Gateway:
    box: Box

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.box.port(PORT)}"

    def openai(self) -> OpenAI:
        return OpenAI(base_url=f"{self.url}/v1", api_key=MASTER_KEY, max_retries=0, timeout=120)

    def get(self, path: str) -> httpx.Response:
        return httpx.get(self.url + path, timeout=60, headers={"Authorization": f"Bearer {MASTER_KEY}"})

    def ask(self, model: str = "mock", text: str = "hello") -> str:
        """The answer to one chat completion."""
        answer = self.openai().chat.completions.create(model=model, messages=[{"role": "user", "content": text}])
        return answer.choices[0].message.content or ""

    def models(self) -> set[str]:
        return {model.id for model in self.openai().models.list()}

    def management(self, path: str) -> httpx.Response:
        return httpx.get(f"http://127.0.0.1:{self.box.port(MANAGEMENT_PORT)}{path}", timeout=10)


def specify(
    directory: Path,
    *,
    args: Sequence[str] = ("--config", CONFIG_PATH),
    env: Mapping[str, str] | None = None,
    config: str | None = CONFIG,
    files: Mapping[str, Path] | None = None,
    harden: bool = True,
    **others: Any,
) -> Spec:
    """How a gateway of the tests is started; `others` are fields of `Spec` and win."""
    mounted = dict(files or {})
    if config is not None:
        mounted[CONFIG_PATH] = write(directory, "config.yaml", config)
    switches: dict[str, Any] = confined() if harden else {}
    fixed = {"command": args, "env": environment(env), "files": mounted, "ports": (PORT, MANAGEMENT_PORT)}
    return Spec(**(fixed | switches | others))


def start(lab: Lab, directory: Path, *, supervised: bool = True, **how: Any) -> Gateway:
    """Start a gateway as `specify` says and wait until it is ready.

    `supervised` false: there is no management port, readiness is asked of the server's own.
    """
    gateway = Gateway(lab.start(specify(directory, **how)))
    wait_ready(gateway, supervised)
    return gateway


def wait_ready(gateway: Gateway, supervised: bool = True, seconds: float = READY_SECONDS) -> None:
    """Poll readiness; a container that ends, or is not ready in `seconds`, fails the test with its log."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            answer = gateway.management("/readyz") if supervised else gateway.get("/health/readiness")
            if answer.status_code == 200:
                return
            seen = f"status {answer.status_code}"
        except httpx.TransportError as error:
            seen = type(error).__name__
        if not gateway.box.running:
            raise StoppedEarly(f"ended with {gateway.box.state['ExitCode']}; log:\n{gateway.box.logs()}")
        if time.monotonic() > deadline:
            raise StoppedEarly(f"not ready after {seconds:g} s ({seen}); log:\n{gateway.box.logs()}")
        time.sleep(POLL_SECONDS)
