"""Addresses of the config that no other rule has taken: better in the list with their place than silently left out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from slipway.egress.reach import Reach, Unset, endpoint
from slipway.known import presentable

# How LiteLLM names what holds an address.
_KEY: Final = re.compile(r"(?:.*_)?(?:url|urls|base|host|endpoint|target|upload_url)\Z")
_URL: Final = re.compile(r"(?:https?|wss?|grpcs?|rediss?)://", re.I)
# The gateway's own address; lists that routes.py knows when to fetch; what database/address.py reads.
_OTHER: Final = frozenset(
    {"proxy_base_url", "database_url", "model_cost_map_url", "blog_posts_url"}
    | {"anthropic_beta_headers_url", "autorouter_presets_url"}
)


def add(reach: Reach) -> None:
    """Note each URL below a key that means an address, unless its host and port are in the list already."""
    listed = {(host.host, host.port) for host in reach.hosts}
    told = [unknown.what.partition(":")[0] for unknown in reach.undetermined]
    for place, written in _addresses(reach.config):
        known = any(place.startswith(what) for what in told)
        try:
            text = reach.text(written)
        except Unset as unset:
            if not known:
                reach.unset(place, unset)
            continue
        if known and endpoint(text) is None:
            continue
        if _URL.match(text) and endpoint(text) not in listed:
            reach.address("other", place, text)


def _addresses(root: object) -> Iterator[tuple[str, str]]:
    # An alias may repeat a node any number of times, itself included.
    seen: set[int] = set()
    pending: list[tuple[object, str]] = [(root, "")]
    while pending:
        node, place = pending.pop()
        # A model with an answer of its own asks nobody.
        if id(node) in seen or (isinstance(node, Mapping) and node.get("mock_response")):
            continue
        if isinstance(node, Mapping):
            seen.add(id(node))
            for key, value in node.items():
                name = str(key)
                way = f"{place}.{name if presentable(name) else '?'}".removeprefix(".")
                if isinstance(value, str):
                    if _KEY.match(name) and name not in _OTHER:
                        yield way, value
                elif name not in _OTHER:
                    pending.append((value, way))
        elif isinstance(node, list):
            seen.add(id(node))
            pending += [(item, f"{place}[{index}]") for index, item in enumerate(node)]
