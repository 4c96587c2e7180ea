"""The database and Redis."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from slipway.config_file import REFERENCE
from slipway.database import address
from slipway.egress import clouds
from slipway.egress.reach import Reach
from slipway.report import Refusal

_POSTGRES: Final = 5432
_REDIS: Final = 6379
# Beside the main URL (litellm/proxy/proxy_cli.py): past a pooler, and for reading.
_OTHERS: Final = ("DIRECT_URL", "DATABASE_URL_READ_REPLICA")
# Where a Redis may be named and what its keys begin with there (checks/redis_version.py); each may be another.
_PLACES: Final = (
    ("general_settings", "coordination_redis", ""),
    ("litellm_settings", "cache_params", ""),
    ("router_settings", "", "redis_"),
)


def add(reach: Reach) -> None:
    """Note database, Redis, and what else the cache is kept in."""
    _database(reach)
    for section, key, prefix in _PLACES:
        content: object = reach.section(section)
        content = content.get(key) if key and isinstance(content, Mapping) else content
        place = f"{section}.{key}" if key else section
        if isinstance(content, Mapping):
            with reach.of(place):
                _redis(reach, content, prefix, place)
    _variables(reach)
    with reach.of("litellm_settings.cache_params"):
        _other_caches(reach)


def _database(reach: Reach) -> None:
    try:
        found = address.find(reach.config, reach.environment, supplied=True, ask=False)
    except Refusal as refusal:
        reach.unknown("the database", refusal.findings[0].what, refusal.findings[0].fix)
        return
    named = address.source(reach.config, reach.environment)
    if named is None:
        return
    if found is None:
        host = reach.variable("DATABASE_HOST")
        if host:
            reach.address("database", "variable DATABASE_HOST", _with_port(reach, host), _POSTGRES)
        else:
            reach.unknown(
                "the database",
                f"its URL ({named}) is not set here, or only a secret manager knows it",
                "Set it as the gateway has it, or add the database's host and port by hand.",
            )
    else:
        reach.address("database", named, found.url, _POSTGRES)
    for name in _OTHERS:
        if reach.variable(name):
            reach.address("database", f"variable {name}", reach.variable(name), _POSTGRES)


def _with_port(reach: Reach, host: str) -> str:
    port = reach.variable("DATABASE_PORT")
    return f"{host}:{port}" if port and ":" not in host else host


def _redis(reach: Reach, content: Mapping[str, object], prefix: str, place: str) -> None:
    url = reach.first(content, f"{prefix}url")
    host, port = reach.first(content, f"{prefix}host"), reach.first(content, f"{prefix}port")
    if url:
        reach.address("redis", f"{place}.{prefix}url", url, _REDIS)
    elif host:
        reach.address("redis", f"{place}.{prefix}host", f"{host}:{port}" if port else host, _REDIS)
    _nodes(reach, f"{place}.startup_nodes", content.get(f"{prefix}startup_nodes"))
    _nodes(reach, f"{place}.sentinel_nodes", content.get(f"{prefix}sentinel_nodes"))


def _variables(reach: Reach) -> None:
    """Follow litellm/_redis.py."""
    url, host, port = (reach.variable(f"REDIS_{part}") for part in ("URL", "HOST", "PORT"))
    if url:
        reach.address("redis", "variable REDIS_URL", url, _REDIS)
    elif host:
        reach.address("redis", "variable REDIS_HOST", f"{host}:{port}" if port else host, _REDIS)
    for name in ("REDIS_CLUSTER_NODES", "REDIS_SENTINEL_NODES"):
        if reach.variable(name):
            _nodes(reach, f"variable {name}", reach.variable(name))


def _nodes(reach: Reach, place: str, written: object) -> None:
    if not written:
        return
    with reach.of(place):
        try:
            nodes = json.loads(reach.text(written)) if isinstance(written, str) else written
        except ValueError:
            nodes = None
        for node in nodes if isinstance(nodes, list) else [None]:
            host: object = None
            port: object = _REDIS
            if isinstance(node, Mapping):
                host, port = node.get("host"), node.get("port") or _REDIS
            elif isinstance(node, list) and node:
                host, port = node[0], node[1] if len(node) > 1 else _REDIS
            if not reach.text(host):
                reach.unknown(place, "a node without a host", 'Write [{"host": "HOST", "port": 6379}].')
            else:
                reach.address("redis", place, f"{reach.text(host)}:{reach.text(port) or _REDIS}", _REDIS)
    if "sentinel" in place.lower() or "cluster" in place.lower() or "startup" in place.lower():
        reach.unknown(
            place,
            "these nodes name others at run time",
            "Add the hosts of all masters, replicas and cluster nodes by hand.",
        )


def _other_caches(reach: Reach) -> None:
    """Follow litellm/caching."""
    settings = reach.section("litellm_settings")
    content = settings.get("cache_params")
    if not settings.get("cache") or not isinstance(content, Mapping):
        return
    kind, place = str(content.get("type", "redis")), "litellm_settings.cache_params"
    if kind == "s3":
        own = reach.first(content, "s3_endpoint_url")
        if own:
            reach.address("cache", f"{place}.s3_endpoint_url", own)
        else:
            region = reach.first(content, "s3_region_name") or clouds.aws_region(reach, {})
            clouds.aws_host(reach, "s3.{}", region, "cache", place)
            bucket(reach, content, "s3_bucket_name", region, "cache", place)
    elif kind == "gcs":
        reach.add("cache", place, "storage.googleapis.com", clouds.GOOGLE)
    elif kind == "azure-blob":
        reach.address("cache", place, reach.first(content, "azure_account_url"))
        clouds.azure_login(reach, {}, place, "cache")
    elif kind == "qdrant-semantic":
        reach.address("cache", place, reach.first(content, "qdrant_api_base") or reach.variable("QDRANT_API_BASE"))
    elif str(content.get("host", "")).startswith(REFERENCE) or kind in ("redis", "redis-semantic", "valkey-semantic"):
        return
    elif kind not in ("local", "disk"):
        reach.unknown(f"{place}.type", "a cache that is not known here", "Add its host by hand.")


def bucket(reach: Reach, content: Mapping[str, object], key: str, region: str, kind: str, place: str) -> None:
    """Note a bucket's own host, as AWS's library asks it."""
    name = reach.first(content, key)
    if name:
        clouds.aws_host(reach, f"{name}.s3.{{}}", region, kind, place)
