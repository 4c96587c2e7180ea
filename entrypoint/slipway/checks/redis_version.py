"""Whether the Redis that the gateway would use answers, and is as new as LiteLLM wants it: for `slipway check` only."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any, Final

from slipway.checks.advice import Setup
from slipway.config_file import section
from slipway.report import Finding
from slipway.settings import Settings, parse_switch

# Of LiteLLM's production guide.
OLDEST: Final = (7, 0)
_WAIT_SECONDS: Final = 3.0
# Looking up a name has no time-out of its own.
_LONGEST_SECONDS: Final = 8.0
_KEYS: Final = ("url", "host", "port", "username", "password", "ssl")
# Where the gateway's Redis is named, first come, and what its keys begin with there.
_PLACES: Final = (
    ("general_settings.coordination_redis", ""),
    ("litellm_settings.cache_params", ""),
    ("router_settings", "redis_"),
)


def check(settings: Settings, config: Mapping[str, object], environment: Mapping[str, str]) -> list[Finding]:
    """Ask the Redis for its version, in a few seconds. ``config`` is the whole one, with what it includes."""
    place, parameters = find(Setup(settings, config, environment))
    if not parameters:
        return []
    answers: list[list[Finding]] = []
    asking = threading.Thread(target=lambda: answers.append(_ask(place, parameters)), daemon=True)
    asking.start()
    asking.join(_LONGEST_SECONDS)
    return answers[0] if answers else [_silent(place, f"no answer in {_LONGEST_SECONDS:g} s")]


def find(setup: Setup) -> tuple[str, dict[str, Any]]:
    """Return where a Redis is named and how to reach it; nothing where none is, or only Sentinel knows it."""
    for place, prefix in _PLACES:
        if place.endswith("cache_params") and not setup.on("litellm_settings.cache"):
            continue
        found = {key: setup.value(f"{place}.{prefix}{key}") for key in _KEYS}
        found |= {} if found["host"] or found["url"] else _first_node(setup.value(f"{place}.startup_nodes"))
        if found["host"] or found["url"]:
            return place, _clean(found)
    variables = section(setup.config, "environment_variables")
    found = {
        key: setup.environment.get(name) or variables.get(name) for key in _KEYS for name in [f"REDIS_{key.upper()}"]
    }
    return ("the variables REDIS_*", _clean(found)) if found["host"] or found["url"] else ("", {})


def _first_node(nodes: object) -> dict[str, object]:
    node = nodes[0] if isinstance(nodes, list) and nodes else None
    return {key: node.get(key) for key in ("host", "port")} if isinstance(node, Mapping) else {}


def _clean(found: Mapping[str, object]) -> dict[str, Any]:
    if found["url"]:
        return {"url": str(found["url"])}
    cleaned: dict[str, Any] = {key: str(value) for key, value in found.items() if value and key not in ("url", "ssl")}
    ssl = found["ssl"]
    if ssl is True or (isinstance(ssl, str) and parse_switch(ssl)):
        cleaned["ssl"] = True
    return cleaned


def _ask(place: str, parameters: Mapping[str, Any]) -> list[Finding]:
    try:
        # Imported here: only this needs it.
        import redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        limits: dict[str, Any] = {
            "socket_connect_timeout": _WAIT_SECONDS,
            "socket_timeout": _WAIT_SECONDS,
            "retry": Retry(NoBackoff(), 0),
            # The older one, which Redis 5 speaks too.
            "protocol": 2,
        }
        url = parameters.get("url")
        client = redis.Redis.from_url(url, **limits) if url else redis.Redis(**parameters, **limits)
        with client:
            version = str(client.info("server").get("redis_version", ""))
    except Exception as problem:
        # The message may hold the address and the password.
        return [_silent(place, type(problem).__name__)]
    return _judge(place, version)


def _judge(place: str, version: str) -> list[Finding]:
    parts = version.split(".")[:2]
    if len(parts) < 2 or not all(part.isdecimal() for part in parts) or tuple(map(int, parts)) >= OLDEST:
        return []
    return [
        Finding(
            "redis-version",
            "warning",
            f"The Redis named by {place} is version {parts[0]}.{parts[1]}.",
            f"Use Redis {OLDEST[0]}.{OLDEST[1]} or newer.",
            why="LiteLLM's production guide asks for that.",
        )
    ]


def _silent(place: str, why: str) -> Finding:
    return Finding(
        "redis-unreachable",
        "warning",
        f"The Redis named by {place} cannot be asked ({why}).",
        "Correct its host, port or password, or start it.",
        why="Without it limits and cooled-down deployments are each worker's own.",
    )
