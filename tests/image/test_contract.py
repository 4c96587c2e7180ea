"""The contract of a gateway under plain Docker: the README's switches, and a network whose only way out is `egress`."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest

from tests.support import fake, gateway
from tests.support.contract import assert_closed, assert_hardened
from tests.support.lab import Box, Lab, Spec, hardened, wait_until
from tests.support.outside import DECLARED, UNDECLARED, make_certificate

ROOT = Path(__file__).resolve().parents[2]
EGRESS = "slipway-haproxy:latest"
CONFIG = f"""\
model_list:
  - model_name: declared
    litellm_params: {{model: openai/chat, api_base: "https://{DECLARED}/v1", api_key: none}}
  - model_name: undeclared
    litellm_params: {{model: openai/chat, api_base: "https://{UNDECLARED}/v1", api_key: none}}
router_settings: {{num_retries: 0, disable_cooldowns: true}}
"""
# Nobody outside reaches an internal network: the container asks itself.
ASK = """
import json, os, sys, urllib.error, urllib.request
body = json.dumps({"model": MODEL, "messages": [{"role": "user", "content": "a boat"}]}).encode()
headers = {"Authorization": f"Bearer {os.environ['LITELLM_MASTER_KEY']}", "Content-Type": "application/json"}
try:
    answer = urllib.request.urlopen(
        urllib.request.Request("http://127.0.0.1:4000/v1/chat/completions", body, headers), timeout=120
    )
except urllib.error.HTTPError as problem:
    answer = problem
print(json.dumps([answer.status, answer.read().decode()]))
"""


@pytest.fixture(scope="module")
def closed(module_lab: Lab, directory: Path) -> Box:
    """A gateway on an internal network, with the way out of the Compose file."""
    make_certificate(directory)
    outside, inside = module_lab.network(), module_lab.network(internal=True)
    for name in (DECLARED, UNDECLARED):
        command = ("python", "/srv/provider.py", "443", "/srv/certificate.pem", "/srv/key.pem")
        files = {"/srv/provider.py": fake.SCRIPT} | {
            f"/srv/{file}": directory / file for file in ("certificate.pem", "key.pem")
        }
        module_lab.start(Spec(command=command, files=files, network=outside, alias=name))
    command = ("haproxy", "-W", "-db", "-f", "/egress.cfg")
    egress = module_lab.start(
        Spec(
            image=EGRESS, command=command, env={"EGRESS_HOSTS": DECLARED}, network=outside,
            files={"/egress.cfg": ROOT / "docker" / "haproxy" / "egress.cfg"}, **hardened(("/tmp",)),  # type: ignore[arg-type]
        )
    )  # fmt: skip
    module_lab.client.networks.get(inside).connect(egress.container)
    spec = gateway.specify(
        directory,
        config=CONFIG,
        network=inside,
        hosts={DECLARED: egress.address(inside)},
        files={"/app/certificate.pem": directory / "certificate.pem"},
        env={"SSL_CERT_FILE": "/app/certificate.pem"},
        ports=(),
    )
    box = module_lab.start(spec)
    wait_until("the gateway", lambda: box.exec(["slipway", "healthcheck"]).code == 0, gateway.READY_SECONDS)
    return box


def test_it_is_hardened(closed: Box) -> None:
    assert_hardened(closed.python)


def test_it_reaches_what_is_declared_and_nothing_else(closed: Box) -> None:
    def ask(model: str) -> httpx.Response:
        status, text = json.loads(closed.python(f"MODEL = {model!r}\n{ASK}"))
        return httpx.Response(status, text=text)

    assert_closed(ask, "declared", "undeclared")
