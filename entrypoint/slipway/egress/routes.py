"""What clients reach through the gateway beside models, code of the user's own, and lists fetched at start."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from slipway.egress import models
from slipway.egress.reach import Reach
from slipway.known import presentable
from slipway.runtime import hooks
from slipway.settings import Settings

_SERVER_URLS: Final = ("url", "spec_path", "token_url", "authorization_url", "registration_url")
# Code of the user's own that general_settings names.
_CUSTOM: Final = (
    "custom_auth",
    "custom_key_generate",
    "custom_sso",
    "custom_key_update",
    "custom_ui_sso_sign_in_handler",
)
# What LiteLLM fetches when the image's copy is not to be used (litellm/__init__.py, model_cost_map_url and its
# neighbours; policy_endpoints/endpoints.py), with the variable that names another address.
_LISTS: Final = {
    "LITELLM_LOCAL_MODEL_COST_MAP": ("LITELLM_MODEL_COST_MAP_URL", "raw.githubusercontent.com"),
    "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS": ("LITELLM_ANTHROPIC_BETA_HEADERS_URL", "raw.githubusercontent.com"),
    "LITELLM_LOCAL_AUTOROUTER_PRESETS": ("LITELLM_AUTOROUTER_PRESETS_URL", "raw.githubusercontent.com"),
    "LITELLM_LOCAL_BLOG_POSTS": ("LITELLM_BLOG_POSTS_URL", "docs.litellm.ai"),
    "LITELLM_LOCAL_POLICY_TEMPLATES": ("", "raw.githubusercontent.com"),
}


def add(reach: Reach, settings: Settings) -> None:
    """Note the hosts of MCP servers, pass-through routes, vector stores and lists, and code that nobody can read."""
    for name, server in _named(reach.config.get("mcp_servers")):
        _server(reach, f"mcp_servers.{name if presentable(name) else '?'}", server)
    for place, route in _listed(reach.section("general_settings"), "general_settings", "pass_through_endpoints"):
        with reach.of(place):
            reach.address("pass_through", f"{place}.target", reach.first(route, "target"))
    for place, store in _listed(reach.config, "", "vector_store_registry"):
        _service(reach, place, store.get("litellm_params"), "vector_store")
    for place, tool in _listed(reach.config, "", "search_tools"):
        _service(reach, place, tool.get("litellm_params"), "search")
    _code(reach)
    for switch, (variable, host) in _LISTS.items():
        if not settings.on(switch):
            named = reach.variable(variable)
            reach.address("start", f"{switch} off{f', {variable}' if named else ''}", named or host)


def _server(reach: Reach, place: str, server: Mapping[str, object]) -> None:
    with reach.of(place):
        for key in _SERVER_URLS:
            written = reach.text(server.get(key))
            if written.startswith("/") and key == "spec_path":
                continue
            if written:
                reach.address("mcp", f"{place}.{key}", written)
    if server.get("command"):
        reach.unknown(f"{place}.command", "it runs a program, which asks whatever it asks", "Add its hosts by hand.")


def _service(reach: Reach, place: str, written: object, kind: str) -> None:
    if not isinstance(written, Mapping):
        return
    with reach.of(place):
        base = reach.first(written, "api_base", "base_url")
        provider = reach.first(written, "custom_llm_provider")
        if base:
            reach.address(kind, f"{place}.litellm_params.api_base", base)
        elif provider in reach.table.names:
            models.add_parameters(reach, {"model": f"{provider}/x", **written}, place)
        else:
            reach.unknown(place, "no address is known for it", "Set its api_base, or add its host by hand.")


def _code(reach: Reach) -> None:
    fix = "Add the hosts that it needs by hand."
    if reach.variable(hooks.VARIABLE):
        reach.unknown(f"variable {hooks.VARIABLE}", "startup hooks ask whatever their code asks", fix)
    for key in _CUSTOM:
        if reach.section("general_settings").get(key):
            reach.unknown(f"general_settings.{key}", "code of your own asks whatever it asks", fix)
    if reach.variable("LITELLM_CONFIG_BUCKET_NAME"):
        reach.unknown(
            "variable LITELLM_CONFIG_BUCKET_NAME",
            "the config is in a bucket, and what it names is not known here",
            "Run this with a copy of it (--config), and add the bucket's host by hand.",
        )


def _named(written: object) -> Iterator[tuple[str, Mapping[str, object]]]:
    for name, entry in written.items() if isinstance(written, Mapping) else ():
        if isinstance(entry, Mapping):
            yield str(name), entry


def _listed(content: Mapping[str, object], section: str, key: str) -> Iterator[tuple[str, Mapping[str, object]]]:
    written = content.get(key)
    for index, entry in enumerate(written if isinstance(written, list) else []):
        if isinstance(entry, Mapping):
            yield f"{section}.{key}[{index}]" if section else f"{key}[{index}]", entry
