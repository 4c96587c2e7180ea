"""References of the config file to variables that are not set."""

from __future__ import annotations

from collections.abc import Mapping

from slipway.config_file import references
from slipway.report import Finding


def check(config: Mapping[str, object], environment: Mapping[str, str]) -> list[Finding]:
    """Warn of each ``os.environ/NAME`` without its variable: a secret manager or a hook may still supply it."""
    return [
        Finding(
            "reference-unset",
            "warning",
            f"{place} refers to the variable {name}, which is not set.",
            f"Set {name}, unless a secret manager or a startup hook supplies it.",
        )
        for place, name in references(config)
        if name not in environment
    ]
