"""The connection budget: every worker of every replica has a pool of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from slipway import log
from slipway.config_file import section
from slipway.database.address import Address
from slipway.database.connection import Connection, first
from slipway.report import ExitCode, Refusal, refuse
from slipway.settings import Settings

# litellm/proxy/proxy_cli.py, LiteLLMDatabaseConnectionPool.
_POOL: Final = 10
# What the server keeps for others, and the role's and the database's own limits (-1: none).
_AVAILABLE: Final = """
SELECT least(
    current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
        - coalesce(current_setting('reserved_connections', true)::int, 0),
    (SELECT nullif(rolconnlimit, -1) FROM pg_roles WHERE rolname = current_user),
    (SELECT nullif(datconnlimit, -1) FROM pg_database WHERE datname = current_database()))
"""


def check(connection: Connection, address: Address, settings: Settings, config: Mapping[str, object]) -> None:
    """Print the budget. Raises Refusal (74) when the database does not accept that many connections."""
    workers, replicas = settings.number("NUM_WORKERS") or 1, settings.number("SLIPWAY_REPLICAS") or 1
    limit = pool_limit(config)
    wanted = workers * replicas * limit
    budget = f"{workers} workers x {replicas} replicas x {limit} connections = {wanted}"
    if address.direct:
        log.line(f"connection budget: {budget}, through a pooler")
        return
    available = int(str(first(connection, _AVAILABLE)))
    log.line(f"connection budget: {budget} of {available}")
    if wanted > available:
        raise _too_many(budget, available, available // (workers * replicas))


def pool_limit(config: Mapping[str, object]) -> int:
    """Return the connections that one worker may open."""
    written = section(config, "general_settings").get("database_connection_pool_limit")
    try:
        return max(1, int(str(written)))
    except ValueError:
        return _POOL


def _too_many(budget: str, available: int, fitting: int) -> Refusal:
    lower = (
        f"Set general_settings.database_connection_pool_limit to {fitting} or less" if fitting else "Run fewer workers"
    )
    return refuse(
        "connection-budget",
        ExitCode.CAPACITY,
        f"The workers may open more connections than the database accepts from this role: {budget}, and it has "
        f"{available}.",
        f"{lower}, raise max_connections and the role's CONNECTION LIMIT, or put a pooler in front (DATABASE_URL to "
        "it, DIRECT_URL to the database).",
        "Requests fail once the last connection is taken.",
    )
