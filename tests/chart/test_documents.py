"""The commands of the chart's page and of NOTES.txt, by the real kubectl and Helm, on what stands for a cluster.

Two are not run: `kubectl port-forward` needs a kubelet with a pod behind it, and so does `helm test`, whose pod
test_pods.py runs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.chart import CHART, FULL_NAME, NAME, NAMESPACE, files
from tests.support.cluster import Cluster, cluster
from tests.support.document import blocks
from tests.support.kubernetes import Tools, tools

PAGE = "helm/slipway/README.md"
VALUES = {"database": {"url": {"existingSecret": "database"}}}
NOT_RUN = ("port-forward", "helm test")


@pytest.fixture
def kubernetes() -> Iterator[Cluster]:
    with cluster(NAMESPACE) as running:
        yield running


@pytest.fixture(scope="module")
def programs() -> Tools:
    return tools()


def notes() -> list[str]:
    """The commands that an installation prints."""
    (text,) = [text for name, text in files({**VALUES, **_given()}).items() if name.endswith("NOTES.txt")]
    return re.findall(r"^  ((?:kubectl|helm) .*)$", text, re.MULTILINE)


def _given() -> dict[str, object]:
    return {"secrets": {"masterKey": {"existingSecret": "gateway-keys"}, "saltKey": {"existingSecret": "gateway-salt"}}}


def test_the_page_installs_a_release(kubernetes: Cluster, programs: Tools, tmp_path: Path) -> None:
    given = {"OPENAI_API_KEY": "one", "DATABASE_URL": "postgresql://u:p@db/litellm", "REDIS_PASSWORD": "two"}
    for block in blocks(PAGE):
        text = block.replace("my-values.yaml", str(tmp_path / "my-values.yaml"))
        done = programs.run(text, folder=tmp_path, cluster=kubernetes, **given)
        assert done.returncode == 0, done.stdout
    # What is installed mounts just what was made.
    deployment = kubernetes.objects[f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/gateway-slipway"]
    (volume,) = [it for it in deployment["spec"]["template"]["spec"]["volumes"] if it["name"] == "secrets"]
    for source in volume["projected"]["sources"]:
        found = kubernetes.secret(NAMESPACE, source["secret"]["name"])
        assert found is not None
        assert {item["key"] for item in source["secret"].get("items", [])} <= set(found)


def test_the_notes_lead_to_a_gateway(kubernetes: Cluster, programs: Tools, tmp_path: Path) -> None:
    with kubernetes.helm(NAMESPACE) as helm:
        helm.install(CHART, NAME, VALUES, namespace=NAMESPACE)
    kubernetes.roll_out(NAMESPACE, FULL_NAME)
    commands = notes()
    assert len(commands) == 4
    said = {}
    for command in commands:
        if any(words in command for words in NOT_RUN):
            continue
        command = command.replace("gateway-keys", f"{FULL_NAME}-master-key")
        done = programs.run(command, folder=tmp_path, cluster=kubernetes)
        assert done.returncode == 0, f"{command}\n{done.stdout}"
        said[command.split()[3]] = done.stdout
    assert "successfully rolled out" in said["rollout"]
    assert said["get"].startswith("sk-")
