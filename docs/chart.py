"""Write the chart's values.schema.json and README.md from the comments of its values.yaml (make docs)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import kubernetes_validate
import yaml

CHART: Final = Path(__file__).resolve().parents[1] / "helm/slipway"
SCHEMA: Final = CHART / "values.schema.json"
README: Final = CHART / "README.md"
START, END = "<!-- values -->", "<!-- /values -->"
# The oldest release that the chart supports (Chart.yaml, kubeVersion): what it knows, all know.
KUBERNETES: Final = "v1.30.0-local-strict"
_MARK: Final = "@schema "
_REFERENCE: Final = "k8s:"
# What Kubernetes calls an object, or nothing.
_NAME: Final = "^(|[a-z0-9]([-a-z0-9.]*[a-z0-9])?)$"
_NAMED: Final = ("existingSecret", "existingConfigMap")
_TYPES: Final = {"str": "string", "int": "integer", "bool": "boolean"}
Schema = dict[str, Any]
# Definitions without a shape in Kubernetes itself.
_OPEN: Final[dict[str, Schema]] = {
    "io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1": {"$comment": "open: Kubernetes fills it, nobody writes it"}
}


@dataclass(frozen=True, slots=True)
class Value:
    """One value: its path, its default, its description, and what ``@schema`` says of it."""

    path: tuple[str, ...]
    default: object
    description: str
    given: Schema
    children: tuple[Value, ...]


def read(text: str) -> tuple[Value, ...]:
    """Return the values of a values.yaml in their order."""
    root = yaml.compose(text)
    assert isinstance(root, yaml.MappingNode)
    return tuple(_values(root, yaml.safe_load(text), text.splitlines(), ()))


def _values(
    node: yaml.MappingNode, defaults: Mapping[str, object], lines: list[str], path: tuple[str, ...]
) -> Iterator[Value]:
    for key, child in node.value:
        name = str(key.value)
        description, given = _comment(lines, key.start_mark.line)
        default = defaults[name]
        nested = isinstance(child, yaml.MappingNode) and bool(child.value) and not given
        children = _values(child, default, lines, (*path, name)) if nested and isinstance(default, dict) else ()
        yield Value((*path, name), default, description, given, tuple(children))


def _comment(lines: list[str], line: int) -> tuple[str, Schema]:
    words: list[str] = []
    given = ""
    for above in reversed(lines[:line]):
        text = above.strip()
        if not text.startswith("#"):
            break
        text = text.removeprefix("#").strip()
        if text.startswith(_MARK):
            given = text.removeprefix(_MARK)
        else:
            words.insert(0, text)
    return " ".join(words), yaml.safe_load(given) if given else {}


def schema(values: tuple[Value, ...]) -> Schema:
    """Return the JSON Schema of all values. Raises ValueError for one whose type nobody gives."""
    used: dict[str, Schema] = {}
    properties = {value.path[-1]: _schema(value, used) for value in values}
    required = _required(properties)
    properties["global"] = {"type": "object", "$comment": "open: Helm gives it to a chart that another one needs"}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "additionalProperties": False,
        "required": required,
        "properties": properties,
        "definitions": dict(sorted(used.items())),
    }


def _schema(value: Value, used: dict[str, Schema]) -> Schema:
    found: Schema = {"description": value.description} if value.description else {}
    if value.children:
        properties = {child.path[-1]: _schema(child, used) for child in value.children}
        return {
            **found, "type": "object", "additionalProperties": False, "required": _required(properties),
            "properties": properties,
        }  # fmt: skip
    given = {**({"pattern": _NAME} if value.path[-1] in _NAMED else {}), **value.given}
    opened = given.pop("open", None)
    if opened:
        found["$comment"] = f"open: {opened}"
    match value.default:
        case bool() | int() | str():
            found["type"] = _TYPES[type(value.default).__name__]
        case list():
            found["type"] = "array"
        case dict() if "$ref" not in given:
            found["type"] = "object"
    if value.default in ({}, []) and not (given or opened):
        raise ValueError(f"{'.'.join(value.path)} is empty, and no @schema says what it takes")
    if "$ref" in given:
        # Draft 7 sees nothing beside a reference.
        found.pop("type", None)
        return {**found, "allOf": [_resolved(given, used)]}
    return {**found, **_resolved(given, used)}


def _required(properties: Mapping[str, Schema]) -> list[str]:
    """Name those that null, which Helm takes for "as if there were none", would take away without a word."""
    return [name for name, found in properties.items() if "null" not in found.get("type", ())]


def _resolved(node: Any, used: dict[str, Schema]) -> Any:
    """Put definitions of Kubernetes that are named into ``used``, with those that they name, and point there."""
    if isinstance(node, list):
        return [_resolved(item, used) for item in node]
    if not isinstance(node, dict):
        return node
    reference = str(node.get("$ref", ""))
    name = reference.removeprefix(_REFERENCE) if reference.startswith(_REFERENCE) else reference.rpartition("/")[2]
    if not name:
        # A property may be called as a keyword is; what is left out is text or Kubernetes' own.
        kept = {key: item for key, item in node.items() if not (isinstance(item, str) and key == "description")}
        return {key: _resolved(item, used) for key, item in kept.items() if not key.startswith("x-kubernetes")}
    if name not in used:
        used[name] = {}
        used[name] = _resolved(_definitions()[name], used) | _OPEN.get(name, {})
    return {"$ref": f"#/definitions/{name}"}


@cache
def _definitions() -> dict[str, Schema]:
    folder = Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema" / KUBERNETES
    found: dict[str, Any] = json.loads((folder / "_definitions.json").read_text())
    return dict(found["$defs"])


def table(values: tuple[Value, ...]) -> str:
    """Return the table of values for README.md."""
    rows = ["| Value | Default | Meaning |", "|---|---|---|"]
    return "\n".join([*rows, *(row for value in values for row in _rows(value))])


def _rows(value: Value) -> Iterator[str]:
    if value.children:
        if value.description:
            yield f"| `{'.'.join(value.path)}` | | {value.description} |"
        for child in value.children:
            yield from _rows(child)
        return
    default = "" if value.default == "" else f"`{json.dumps(value.default)}`"
    yield f"| `{'.'.join(value.path)}` | {default} | {value.description.replace('|', chr(92) + '|')} |"


def rewritten(text: str, values: tuple[Value, ...]) -> str:
    """Return README's text with the table in its place."""
    before, _, rest = text.partition(START)
    _, _, after = rest.partition(END)
    return f"{before}{START}\n{table(values)}\n{END}{after}"


def as_json(values: tuple[Value, ...]) -> str:
    """Return the schema as the text of its file."""
    return json.dumps(schema(values), indent=2) + "\n"


if __name__ == "__main__":
    found = read((CHART / "values.yaml").read_text())
    SCHEMA.write_text(as_json(found))
    README.write_text(rewritten(README.read_text(), found))
