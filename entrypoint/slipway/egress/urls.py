"""Every URL that stands in the config, or in a variable that LiteLLM reads."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Final

from slipway.config_file import REFERENCE
from slipway.egress.places import Host, Undetermined, of_url
from slipway.known import presentable

# They lead to clients, browsers or the gateway itself; or something else judges them.
_NOT_ASKED: Final = frozenset(
    {
        "PROXY_BASE_URL",
        "PROXY_LOGOUT_URL",
        "DATABASE_URL",
        "DIRECT_URL",
        "REDIS_URL",
        "UI_LOGO_PATH",
        "SERVER_ROOT_PATH",
    }
    | {"HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "NO_PROXY", "no_proxy", "LITELLM_LICENSE"}
)
_KEYS_OF_BROWSERS: Final = ("docs_url", "redoc_url", "logo_url", "favicon_url", "proxy_base_url", "allowed_origins")
_ENDINGS: Final = ("url", "base", "endpoint", "uri")
_BASES: Final = ("_API_BASE", "_BASE_URL", "_API_URL")


def in_config(config: Mapping[str, object], environment: Mapping[str, str]) -> Iterator[Host | Undetermined]:
    """Yield the host of every URL, and of every variable that stands for one."""
    for path, key, text in _strings("", "", config):
        if key in _KEYS_OF_BROWSERS or path == "general_settings.database_url":
            continue
        kind = "provider" if path.startswith("model_list[") else "setting"
        if not text.startswith(REFERENCE):
            if found := of_url(text, kind, path):
                yield found
            continue
        name = text.removeprefix(REFERENCE)
        if name in environment:
            if found := of_url(environment[name], kind, f"{path} by {name}" if presentable(name) else path):
                yield found
        elif key.endswith(_ENDINGS):
            yield Undetermined(path, "the variable it refers to is not set here", "set it, or name the host")


def in_variables(environment: Mapping[str, str], names: Collection[str]) -> Iterator[Host]:
    """Yield the host of each variable among ``names`` that is a URL; where a provider is, models say."""
    for name in sorted(set(environment) & set(names) - _NOT_ASKED):
        if not name.endswith(_BASES) and (found := of_url(environment[name], "setting", f"variable {name}")):
            yield found


def _strings(path: str, key: str, node: object) -> Iterator[tuple[str, str, str]]:
    if isinstance(node, Mapping):
        for name, value in node.items():
            shown = str(name) if presentable(str(name)) else "?"
            yield from _strings(f"{path}.{shown}" if path else shown, str(name), value)
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _strings(f"{path}[{index}]", key, value)
    elif isinstance(node, str):
        yield path, key, node
