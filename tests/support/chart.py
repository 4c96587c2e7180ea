"""Renders the chart as Helm 4 does."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import helm_python
import yaml

CHART = Path(__file__).resolve().parents[2] / "helm/slipway"
CASES = sorted(CHART.glob("ci/*-values.yaml"))
# The least that a chart without a cluster wants.
KEYS: Mapping[str, Any] = {
    "secrets": {"masterKey": {"existingSecret": "keys"}, "saltKey": {"existingSecret": "salt"}},
}
NAME, NAMESPACE = "gw", "ai"
FULL_NAME = "gw-slipway"


def case(name: str) -> dict[str, Any]:
    """The values of one file of ci/."""
    found: dict[str, Any] = yaml.safe_load((CHART / f"ci/{name}-values.yaml").read_text())
    return found


def files(values: Mapping[str, Any], name: str = NAME) -> dict[str, str]:
    """The rendered text of each template."""
    return helm_python.Chart.load(CHART).render(dict(values), name=name, namespace=NAMESPACE)


def objects(values: Mapping[str, Any], name: str = NAME) -> list[dict[str, Any]]:
    """The rendered objects, hooks and tests among them."""
    texts = [text for path, text in files(values, name).items() if not path.endswith("NOTES.txt")]
    return [found for text in texts for found in yaml.safe_load_all(text) if found]


def pods(rendered: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The pods of all objects that have one, by kind and component."""
    found = {}
    for item in rendered:
        match item:
            case {"kind": "Deployment" | "Job" as kind, "spec": {"template": {"spec": pod}}}:
                found[kind] = pod
            case {"kind": "Pod", "spec": pod}:
                found["Pod"] = pod
    return found


def refusal(values: Mapping[str, Any]) -> str:
    """What Helm says of values that it refuses."""
    try:
        files(values)
    except helm_python.HelmError as problem:
        return str(problem)
    raise AssertionError("the values are accepted")
