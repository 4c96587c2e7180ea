"""Whether a database is configured, and whether this image can talk to one."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.machinery import PathFinder

from slipway.config_file import section
from slipway.report import ExitCode, Finding


def is_configured(config: Mapping[str, object], environment: Mapping[str, str]) -> bool:
    """Tell whether a database is named by a variable or by the config file."""
    return bool(
        environment.get("DATABASE_URL")
        or environment.get("DATABASE_HOST")
        or section(config, "general_settings").get("database_url")
    )


def check(config: Mapping[str, object], environment: Mapping[str, str]) -> list[Finding]:
    """Refuse a database in an image without a generated client: LiteLLM would fail in every worker."""
    if not is_configured(config, environment) or _client_is_generated():
        return []
    return [
        Finding(
            "database-client-missing",
            "error",
            "A database is configured, but this image carries no generated database client.",
            "Use an image with database support, or remove DATABASE_URL, DATABASE_HOST and the config's database_url.",
            ExitCode.CONFIG,
        )
    ]


def _client_is_generated() -> bool:
    package = PathFinder.find_spec("prisma")
    if package is None or package.submodule_search_locations is None:
        return False
    return PathFinder.find_spec("prisma.client", list(package.submodule_search_locations)) is not None
