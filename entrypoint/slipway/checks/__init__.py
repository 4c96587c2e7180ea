"""What can be known before a server starts, cheap and certain checks first."""

from __future__ import annotations

from collections.abc import Mapping

from slipway.checks import database, keys, metrics, network, packages, paths, process, references, spool, stopping, tls
from slipway.report import Finding
from slipway.runtime import hooks
from slipway.settings import Settings


def run(
    settings: Settings, config: Mapping[str, object], environment: Mapping[str, str], *, ports: bool
) -> list[Finding]:
    """Run every check that needs no directory and return what they found.

    ``ports`` is off beside a running gateway, which holds them.
    """
    return [
        *process.check(settings),
        *stopping.check(settings),
        *spool.check(settings),
        *keys.check(config, environment),
        *tls.check(settings),
        *metrics.check(settings),
        *paths.check(environment),
        *hooks.check(environment.get(hooks.VARIABLE, "")),
        *database.check(config, environment),
        *packages.check(config, environment),
        *(network.check(settings) if ports else ()),
        *references.check(config, environment),
    ]
