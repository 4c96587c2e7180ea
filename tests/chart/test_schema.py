"""A value that the chart does not know, or of the wrong kind, is refused before anything is rendered."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from docs import chart as documents
from tests.support.chart import CHART, KEYS, refusal

VALUES = documents.read((CHART / "values.yaml").read_text())
# What takes any key, and why.
OPEN = {
    "/properties/config": "LiteLLM's own format, which the gateway checks at its start",
    "/properties/extraObjects/items": "whatever Kubernetes takes",
    "/properties/global": "Helm gives it to a chart that another one needs",
    "/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1": "Kubernetes fills it, nobody writes it",
}


def test_schema_and_table_are_those_of_the_values() -> None:
    assert (CHART / "values.schema.json").read_text() == documents.as_json(VALUES), "stale: run make docs"
    readme = (CHART / "README.md").read_text()
    assert readme == documents.rewritten(readme, VALUES), "stale: run make docs"


def test_every_value_is_described() -> None:
    def nameless(values: tuple[documents.Value, ...], explained: bool) -> Iterator[str]:
        for value in values:
            if value.children:
                yield from nameless(value.children, bool(value.description))
            elif not (value.description or explained or value.path[-1] in _PLAIN):
                yield ".".join(value.path)

    assert list(nameless(VALUES, False)) == []


# Says all that there is to say.
_PLAIN = {
    "enabled",
    "annotations",
    "className",
    "hosts",
    "tls",
    "type",
    "port",
    "hostnames",
    "parentRefs",
    "host",
    "name",
}
_PLAIN |= {"username", "pullPolicy", "minReplicas", "maxReplicas", "create", "existingSecret", "key", "triggers"}
_PLAIN |= {"backoffLimit", "activeDeadlineSeconds", "ttlSecondsAfterFinished", "resources", "tmp", "state"}
_PLAIN |= {"podAnnotations", "podLabels", "nodeSelector", "tolerations", "affinity", "priorityClassName"}
_PLAIN |= {"extraVolumes", "extraVolumeMounts"}


def test_no_object_takes_keys_that_nobody_knows() -> None:
    def openings(node: Any, path: str) -> Iterator[tuple[str, str]]:
        if isinstance(node, list):
            for number, item in enumerate(node):
                yield from openings(item, f"{path}/{number}")
        elif isinstance(node, dict):
            kinds = node.get("type")
            mapping = "object" in (kinds if isinstance(kinds, list) else [kinds])
            if mapping and node.get("additionalProperties", True) is True:
                yield path, str(node.get("$comment", "")).removeprefix("open: ")
            for key, item in node.items():
                yield from openings(item, f"{path}/{key}")

    assert dict(openings(json.loads((CHART / "values.schema.json").read_text()), "")) == OPEN


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"replcas": 2}, "'replcas' not allowed"),
        ({"image": {"tags": "x"}}, "'tags' not allowed"),
        ({"affinity": {"nodeAffinty": {}}}, "'nodeAffinty' not allowed"),
        ({"resources": {"limit": {"memory": "1Gi"}}}, "'limit' not allowed"),
        ({"requestTimeoutSeconds": "600"}, "got string, want integer"),
        ({"requestTimeoutSeconds": 0}, "minimum"),
        ({"migration": {"mode": "hook"}}, "must be one of"),
        ({"image": {"digest": "latest"}}, "does not match pattern"),
        ({"env": {"A": 1}}, "got number, want string"),
        ({"secrets": {"directories": ["relative"]}}, "does not match pattern"),
        ({"hooks": {"startup": ["no_function"]}}, "does not match pattern"),
        ({"networkPolicy": {"monitoring": [{"namespaceSelectr": {}}]}}, "'namespaceSelectr' not allowed"),
        ({"tolerations": [{"keys": "x"}]}, "'keys' not allowed"),
        ({"runAsUser": 0}, "minimum"),
        # Helm would take these for values that are not there, in silence.
        ({"networkPolicy": None}, "missing property 'networkPolicy'"),
        ({"writable": {"tmp": None}}, "missing property 'tmp'"),
        ({"requestTimeoutSeconds": None}, "missing property 'requestTimeoutSeconds'"),
        ({"fullnameOverride": "My Gateway"}, "does not match pattern"),
        ({"redis": {"host": "redis://:password@redis:6379"}}, "does not match pattern"),
        ({"database": {"host": "postgres:6432"}}, "does not match pattern"),
        ({"podDisruptionBudget": {"maxUnavailable": "two"}}, "does not match pattern"),
        ({"ingress": {"hosts": ["https://gateway.example.com/"]}}, "does not match pattern"),
        ({"env": {"a b": "1"}}, "does not match pattern"),
        ({"image": {"tag": "1.0@sha256:x"}}, "does not match pattern"),
    ],
    ids=lambda given: next(iter(given)) if isinstance(given, dict) else re.sub(r"\W+", "-", given),
)
def test_what_is_wrong_is_named(values: dict[str, Any], said: str) -> None:
    assert said in refusal({**KEYS, **values})
