"""Whether a database is configured, and whether this image can talk to one."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.machinery import PathFinder
from typing import Final

from slipway.config_file import section
from slipway.report import ExitCode, Finding

_NOT_NAMED: Final = Finding(
    "database-not-named",
    "warning",
    "LITELLM_SALT_KEY is set, but no database is named.",
    "Set DATABASE_URL, or remove LITELLM_SALT_KEY.",
    ExitCode.CONFIG,
    "Without one there are no keys, no spend and no UI login.",
)
_CLIENT_MISSING: Final = Finding(
    "database-client-missing",
    "error",
    "A database is configured, but this image carries no generated database client.",
    "Use the full image, or remove DATABASE_URL, DATABASE_HOST and the config's database_url.",
    ExitCode.CONFIG,
    "Every worker would fail on it at its start.",
)


def is_configured(config: Mapping[str, object], environment: Mapping[str, str]) -> bool:
    """Tell whether a database is named by a variable or by the config file."""
    return _names_url(config, environment) or bool(environment.get("DATABASE_HOST"))


def check(config: Mapping[str, object], environment: Mapping[str, str]) -> list[Finding]:
    """Refuse a database that is half named, or that this image has no client for: every worker would fail on it."""
    if not is_configured(config, environment):
        return [_NOT_NAMED] if environment.get("LITELLM_SALT_KEY") else []
    if missing := _missing_parts(config, environment):
        return [
            Finding(
                "database-parts-missing",
                "error",
                f"DATABASE_HOST is set, but {' and '.join(missing)} not.",
                "Set DATABASE_HOST, DATABASE_USERNAME, DATABASE_PASSWORD and DATABASE_NAME, or DATABASE_URL instead.",
                ExitCode.CONFIG,
                "LiteLLM would run without a database.",
            )
        ]
    if not _client_is_generated():
        return [_CLIENT_MISSING]
    return []


def _names_url(config: Mapping[str, object], environment: Mapping[str, str]) -> bool:
    return bool(environment.get("DATABASE_URL") or section(config, "general_settings").get("database_url"))


def _missing_parts(config: Mapping[str, object], environment: Mapping[str, str]) -> list[str]:
    if _names_url(config, environment):
        return []
    alternatives = (("DATABASE_USERNAME", "DATABASE_USER"), ("DATABASE_NAME",))
    return [names[0] for names in alternatives if not any(environment.get(name) for name in names)]


def _client_is_generated() -> bool:
    package = PathFinder.find_spec("prisma")
    if package is None or package.submodule_search_locations is None:
        return False
    return PathFinder.find_spec("prisma.client", list(package.submodule_search_locations)) is not None
