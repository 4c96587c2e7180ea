"""Which host a provider is at when nobody names another: what LiteLLM answers, and what its source says.

Three ways, in this order: LiteLLM's own function that finds a model's provider returns a base for most; in the source,
a default stands behind the variable that names another (``get_secret("COHERE_API_BASE") or "https://…"``); and a class
of a provider's chat completes the URL. None asks anybody: providers that would log in are left out.
"""

from __future__ import annotations

import ast
import contextlib
import io
from collections.abc import Iterator
from importlib import import_module
from typing import Any, Final
from urllib.parse import urlsplit

from known.source import Module, last_name, text

_MODEL: Final = "some-model"
_KEY: Final = "sk-of-nobody"
_SECRETS: Final = ("get_secret", "get_secret_str", "getenv", "get")
_ENDINGS: Final = ("_API_BASE", "_BASE_URL", "_API_URL")
# What a class says that inherits from OpenAI's and has no default of its own.
_INHERITED: Final = "api.openai.com"
# Whoever runs it: there is no host that all use.
_LOCAL: Final = ("localhost", "127.0.0.1", "0.0.0.0")


class Hosts:
    """Defaults behind variables, collected module by module."""

    def __init__(self) -> None:
        self._behind: dict[str, str] = {}

    def see(self, module: Module) -> None:
        """Read one module."""
        for node in module.nodes:
            if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or):
                for name, url in _defaults(node):
                    self._behind.setdefault(name, url)

    def finish(self) -> dict[str, Any]:
        """Return the host of each provider, and the provider of each model whose name has no provider in it."""
        litellm: Any = import_module("litellm")
        names = {str(getattr(name, "value", name)) for name in litellm.provider_list}
        hosts = {name: host for name in sorted(names) if (host := self._host(name))}
        models = {
            name: info.get("litellm_provider", "") for name, info in litellm.model_cost.items() if "/" not in name
        }
        found: dict[str, list[str]] = {}
        for name, provider in sorted(models.items()):
            found.setdefault(provider, []).append(name)
        return {"providers": hosts, "models": {provider: found[provider] for provider in sorted(found) if provider}}

    def _host(self, provider: str) -> str | None:
        beginning = provider.upper().replace("-", "_")
        behind = next((self._behind[beginning + end] for end in _ENDINGS if beginning + end in self._behind), None)
        for url in (_base(provider), behind, _completed(provider)):
            host = urlsplit(url or "").hostname
            if host and not (host == _INHERITED and provider != "openai"):
                return None if host in _LOCAL else host
        return None


def _defaults(node: ast.BoolOp) -> Iterator[tuple[str, str]]:
    names = [
        name
        for value in node.values
        if isinstance(value, ast.Call) and last_name(value.func) in _SECRETS and value.args
        if (name := text(value.args[0])) and name.endswith(_ENDINGS)
    ]
    urls = [url for value in node.values if (url := text(value)) and url.startswith("https://")]
    if urls:
        yield from ((name, urls[-1]) for name in names)


def _quietly(call: Any) -> Any:
    # Whatever it says of a provider that wants more than a key is no failure of this.
    with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(Exception):
        return call()
    return None


def _base(provider: str) -> str | None:
    logic = import_module("litellm.litellm_core_utils.get_llm_provider_logic")
    if provider in logic.PROVIDERS_THAT_AUTHENTICATE_ON_PROVIDER_INFO:
        return None
    found = _quietly(lambda: logic.get_llm_provider(f"{provider}/{_MODEL}", api_key=_KEY))
    return found[3] if found else None


def _completed(provider: str) -> str | None:
    utils: Any = import_module("litellm.utils")
    types: Any = import_module("litellm.types.utils")

    def complete() -> str:
        config = utils.ProviderConfigManager.get_provider_chat_config(_MODEL, types.LlmProviders(provider))
        url = config.get_complete_url(api_base=None, api_key=_KEY, model=_MODEL, optional_params={}, litellm_params={})
        return str(url)

    completed: str | None = _quietly(complete)
    return completed
