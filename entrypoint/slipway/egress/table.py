"""Hosts of the installed LiteLLM's providers, guardrails and callbacks, as docker/python/known/hosts.py found them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

FILE: Final = "/opt/slipway/hosts.json"
# Tuned models of OpenAI's, which get_llm_provider (litellm_core_utils/get_llm_provider_logic.py) tells by this.
_TUNED: Final = ("ft:gpt-", "ft:davinci-", "ft:babbage-")


@dataclass(frozen=True, slots=True)
class Entry:
    """Where something goes: ``host:port`` of each default, and the variables that name another, the strongest first."""

    hosts: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """What is known. ``models`` maps names without a provider's prefix to providers, ``rules`` those of newer ones."""

    names: frozenset[str] = frozenset()
    providers: Mapping[str, Entry] = field(default_factory=dict)
    models: Mapping[str, str] = field(default_factory=dict)
    rules: tuple[tuple[str, str], ...] = ()
    guardrails: Mapping[str, Entry] = field(default_factory=dict)
    callbacks: Mapping[str, Entry] = field(default_factory=dict)

    def provider(self, model: str) -> str | None:
        """Return the provider that LiteLLM takes a model for, None when it would ask for a prefix."""
        prefix, separator, _ = model.partition("/")
        if separator and prefix in self.names:
            return prefix
        if model.startswith(_TUNED):
            return "openai"
        return self.models.get(model) or next((name for rule, name in self.rules if re.search(rule, model, re.I)), None)


def load(path: str = FILE) -> Table:
    """Return the table; an empty one where the file is missing, as outside the image, or is not ours."""
    try:
        with open(path, encoding="utf-8") as file:
            return parse(json.load(file))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return Table()


def parse(data: Any) -> Table:
    """Return the content of the file. Raises KeyError, TypeError or AttributeError for another file."""
    return Table(
        frozenset(data["names"]),
        _entries(data["providers"]),
        {model: provider for provider, models in data["models"].items() for model in models},
        tuple((rule, provider) for rule, provider in data["rules"]),
        _entries(data["guardrails"]),
        _entries(data["callbacks"]),
    )


def _entries(data: Any) -> dict[str, Entry]:
    return {name: Entry(tuple(entry["hosts"]), tuple(entry["variables"])) for name, entry in data.items()}
