"""Keys and types from LiteLLM's own models: pydantic's JSON schema of them, and signatures of functions.

A type is written as the letters of what may stand there: boolean, integer, number, string, array, object. No letters:
anything may.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, get_type_hints

from pydantic import PydanticSchemaGenerationError, PydanticUserError, TypeAdapter
from pydantic.errors import PydanticInvalidForJsonSchema
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from typing_extensions import is_typeddict

_LETTERS: Final = {
    "boolean": "b",
    "integer": "i",
    "number": "n",
    "string": "s",
    "array": "a",
    "object": "o",
    "null": "",
}
_ANY: Final = "?"
_DATES: Final = ("date", "time", "date-time", "duration")
_UNUSABLE: Final = (
    *(PydanticSchemaGenerationError, PydanticUserError, PydanticInvalidForJsonSchema),
    *(NameError, TypeError),
)


class _Lenient(GenerateJsonSchema):
    """Takes what has no JSON form, such as a client's time-out object, for anything."""

    def handle_invalid_for_json_schema(self, schema: Any, error_info: str) -> JsonSchemaValue:
        return {}


class Schemas:
    """Collects sections: by path, each key with its type; and the values that a key is limited to."""

    def __init__(self) -> None:
        self._sections: dict[str, dict[str, set[str]]] = {}
        # None: one model limits the value and another does not.
        self._choices: dict[str, set[str] | None] = {}

    @property
    def sections(self) -> dict[str, dict[str, str]]:
        """Each section's keys with their types."""
        return {
            path: {name: "" if _ANY in letters else "".join(sorted(letters)) for name, letters in keys.items()}
            for path, keys in self._sections.items()
        }

    @property
    def choices(self) -> dict[str, list[str]]:
        """The words that a value is limited to, by the path of its key."""
        return {path: sorted(words) for path, words in self._choices.items() if words}

    def forget(self, path: str, name: str) -> None:
        """Take a key out of a section again."""
        self._sections[path].pop(name, None)
        self._choices.pop(f"{path}.{name}", None)

    def add_type(self, path: str, annotation: Any, depth: int) -> None:
        """Take in a model or another type for what stands at ``path``, and ``depth`` levels below it.

        Raises what pydantic raises for a type that it has no schema for.
        """
        if is_typeddict(annotation):
            # Each key for itself: one of them may have a type without a schema.
            for name, hint in get_type_hints(annotation).items():
                self.add_key(path, name, hint)
                if depth > 0 and is_typeddict(hint):
                    self.add_type(f"{path}.{name}", hint, depth - 1)
            return
        schema = _schema(annotation)
        self._add_section(path, schema, schema.get("$defs", {}), depth)

    def add_parameters(self, path: str, function: Callable[..., object], *, types: bool, depth: int = 0) -> None:
        """Take in the parameters of a function, with the types of their annotations where ``types`` says so."""
        for parameter in inspect.signature(inspect.unwrap(function)).parameters.values():
            if parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL) or parameter.name == "self":
                continue
            self.add_key(path, parameter.name, parameter.annotation if types else inspect.Parameter.empty, depth)

    def add_key(self, path: str, name: str, annotation: object = inspect.Parameter.empty, depth: int = 0) -> None:
        """Take in one key; an annotation says its type, where it has a JSON schema, and what is in it."""
        if annotation is inspect.Parameter.empty:
            self._sections.setdefault(path, {}).setdefault(name, set())
            return
        try:
            schema = _schema(annotation)
        except _UNUSABLE:
            schema = {}
        self._add_key(path, name, schema, schema.get("$defs", {}), depth)

    def _add_section(self, path: str, schema: Mapping[str, Any], models: Mapping[str, Any], depth: int) -> None:
        for part in _parts(schema, models):
            for name, value in part.get("properties", {}).items():
                self._add_key(path, name, value, models, depth)
            for below, inner in ((f"{path}.*", part.get("additionalProperties")), (f"{path}[]", part.get("items"))):
                if isinstance(inner, Mapping) and inner:
                    self._add_section(below, inner, models, depth)

    def _add_key(self, path: str, name: str, schema: Mapping[str, Any], models: Mapping[str, Any], depth: int) -> None:
        place = f"{path}.{name}" if path else name
        letters = {letter for part in _parts(schema, models) for letter in _letters(part)} - {""}
        # Where two models speak of one key, either may be right.
        self._sections.setdefault(path, {}).setdefault(name, set()).update(letters)
        values, earlier = _values(schema, models), self._choices.get(place, set())
        self._choices[place] = {*values, *earlier} if values and earlier is not None else None
        if depth > 0:
            self._add_section(place, schema, models, depth - 1)


def _schema(annotation: Any) -> Mapping[str, Any]:
    return TypeAdapter(annotation).json_schema(schema_generator=_Lenient)


def _parts(schema: Mapping[str, Any], models: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the alternatives of a schema, models in place of references to them."""
    pending = [schema]
    seen: set[str] = set()
    while pending:
        part = pending.pop()
        inner = [*part.get("anyOf", ()), *part.get("oneOf", ()), *part.get("allOf", ())]
        reference = str(part.get("$ref", "")).rpartition("/")[2]
        if reference and reference not in seen:
            seen.add(reference)
            pending.append(models.get(reference, {}))
        elif inner:
            pending += inner
        elif not reference:
            yield part


def _letters(part: Mapping[str, Any]) -> Iterator[str]:
    kind = part.get("type")
    if part.get("format") in _DATES:
        # YAML has dates of its own.
        yield _ANY
    elif isinstance(kind, str):
        yield _LETTERS.get(kind, _ANY)
    elif values := [*part.get("enum", ()), *([part["const"]] if "const" in part else [])]:
        yield from ("s" if isinstance(value, str) else _ANY for value in values)
    else:
        yield _ANY


def _values(schema: Mapping[str, Any], models: Mapping[str, Any]) -> set[str]:
    """Return the words that a value is one of; empty where other text may stand there too."""
    values: set[str] = set()
    for part in _parts(schema, models):
        words = [*part.get("enum", ()), *([part["const"]] if "const" in part else [])]
        if part.get("type") != "null" and not words:
            return set()
        values |= {word for word in words if isinstance(word, str)}
    return values
