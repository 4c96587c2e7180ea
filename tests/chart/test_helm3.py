"""Helm 3, as it is released, takes the chart as Helm 4 does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.chart import CASES, CHART, NAME, NAMESPACE, objects
from tests.support.kubernetes import Tools, tools

each_case = pytest.mark.parametrize("path", CASES, ids=lambda path: path.name.removesuffix("-values.yaml"))


@pytest.fixture(scope="module")
def helm() -> Tools:
    return tools()


def test_it_is_helm_3(helm: Tools, tmp_path: Path) -> None:
    assert helm.run("helm version --short", folder=tmp_path).stdout.startswith("v3.")


@each_case
def test_it_renders_the_same_objects(helm: Tools, path: Path, tmp_path: Path) -> None:
    words = f"helm template {NAME} {CHART} --namespace {NAMESPACE} --values {path} 2>{tmp_path}/told"
    done = helm.run(words, folder=tmp_path)
    assert done.returncode == 0, (tmp_path / "told").read_text()
    rendered = [found for found in yaml.safe_load_all(done.stdout) if found]
    assert _sorted(rendered) == _sorted(objects(yaml.safe_load(path.read_text())))


@each_case
def test_it_finds_nothing_to_say(helm: Tools, path: Path, tmp_path: Path) -> None:
    done = helm.run(f"helm lint --strict {CHART} --values {path}", folder=tmp_path)
    assert done.returncode == 0, done.stdout
    assert "[WARNING]" not in done.stdout


@pytest.mark.parametrize(
    ("given", "told"),
    [("--set repplicas=3", "repplicas"), ("--set database.host=db", "masterKey.existingSecret")],
)
def test_it_refuses_what_helm_4_refuses(helm: Tools, tmp_path: Path, given: str, told: str) -> None:
    done = helm.run(f"helm template {NAME} {CHART} {given}", folder=tmp_path)
    assert done.returncode != 0
    assert told in done.stdout


def _sorted(found: list[dict[str, Any]]) -> list[str]:
    return sorted(json.dumps(item, sort_keys=True) for item in found)
