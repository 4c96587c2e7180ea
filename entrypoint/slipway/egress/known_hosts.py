"""Hosts of providers, as docker/python/known found them in the installed LiteLLM."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

FILE: Final = "/opt/slipway/hosts.json"


@dataclass(frozen=True, slots=True)
class KnownHosts:
    """``providers`` maps a provider to its host, ``models`` the name of a model without a provider to its provider."""

    providers: Mapping[str, str] = field(default_factory=dict)
    models: Mapping[str, str] = field(default_factory=dict)


@cache
def load(path: str = FILE) -> KnownHosts:
    """Return them; none where there is no such file, as outside the image."""
    try:
        with open(path, encoding="utf-8") as file:
            return parse(json.load(file))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return KnownHosts()


def parse(data: Any) -> KnownHosts:
    """Return the content of the file. Raises KeyError, TypeError or AttributeError for another file."""
    models = {name: provider.partition("-")[0] for provider, names in data["models"].items() for name in names}
    return KnownHosts(dict(data["providers"]), models)
