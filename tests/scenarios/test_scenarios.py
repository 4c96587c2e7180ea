"""Every folder here is a deployment as somebody runs it: it starts, serves, and ends as its manifest promises.

A folder holds `manifest.yaml`: one Deployment, whose pod serves the model `fake-openai-endpoint` on port 4000.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import docker
import httpx
import pytest
from openai import OpenAI

from tests.support.fake import Provider
from tests.support.lab import Lab
from tests.support.pod import Manifest, Pod

HERE = Path(__file__).parent
SCENARIOS = sorted(path for path in HERE.iterdir() if path.is_dir() and not path.name.startswith(("_", ".")))
MODEL = "fake-openai-endpoint"
PORT = 4000


@pytest.fixture(scope="module", params=SCENARIOS, ids=lambda path: str(path.name))
def pod(
    request: pytest.FixtureRequest,
    client: docker.DockerClient,
    image: str,
    directory: Path,
    provider: Provider,
    network: str,
) -> Iterator[Pod]:
    with Lab(client, image) as lab:
        pod = Pod(lab, Manifest.read(request.param / "manifest.yaml"), directory, network)
        pod.start()
        pod.wait_ready(150)
        yield pod


@pytest.fixture
def openai(pod: Pod) -> OpenAI:
    assert pod.box is not None
    key = pod.box.python("import os; print(os.environ['LITELLM_MASTER_KEY'])").strip()
    return OpenAI(base_url=f"{pod.url(PORT)}/v1", api_key=key, max_retries=0, timeout=120)


def ask(openai: OpenAI, text: str, headers: dict[str, str] | None = None) -> str:
    messages = [{"role": "user", "content": text}]
    answer = openai.chat.completions.create(model=MODEL, messages=messages, extra_headers=headers)  # type: ignore[arg-type]
    return answer.choices[0].message.content or ""


def test_the_pod_serves(openai: OpenAI) -> None:
    assert ask(openai, "a boat") == "echo of a boat"


def test_the_ui_is_served(pod: Pod) -> None:
    page = httpx.get(f"{pod.url(PORT)}/ui/", timeout=30)
    assert page.status_code == 200
    assert "_next/static" in page.text


def test_no_volume_exceeds_its_limit(pod: Pod) -> None:
    assert pod.overfull() == []


def test_the_pod_ends_as_its_manifest_says(pod: Pod) -> None:
    """Runs last: nothing of the pod is left afterwards."""
    assert pod.terminate() == 0
