"""What can be known before a server starts, without a connection: the one ordered list of checks.

Settings and the config file come before it, since every check reads them; what has to be asked of a database or a Redis
comes after it (``diagnosis``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from slipway.checks import (
    clock,
    database,
    descriptors,
    egress,
    integrity,
    keys,
    linter,
    memory,
    metrics,
    network,
    packages,
    paths,
    process,
    providers,
    spool,
    stopping,
    tls,
)
from slipway.report import Finding
from slipway.runtime import hooks
from slipway.settings import Settings


@dataclass(frozen=True, slots=True)
class Facts:
    """What checks look at. ``ports`` is off beside a running gateway, which holds them."""

    settings: Settings
    config: Mapping[str, object]
    environment: Mapping[str, str]
    ports: bool = False


# Cheap and certain first: a start ends with the code of the first error.
ORDER: Final[tuple[Callable[[Facts], Iterable[Finding]], ...]] = (
    lambda facts: integrity.at_start(allowed=facts.settings.on(integrity.SETTING)),
    lambda facts: process.check(facts.settings),
    lambda facts: clock.check(),
    lambda facts: descriptors.check(facts.settings, facts.environment),
    lambda facts: stopping.check(facts.settings),
    lambda facts: spool.check(facts.settings),
    lambda facts: keys.check(facts.config, facts.environment),
    lambda facts: tls.check(facts.settings),
    lambda facts: metrics.check(facts.settings),
    lambda facts: paths.check(facts.environment),
    lambda facts: egress.check(facts.settings),
    lambda facts: hooks.check(facts.environment.get(hooks.VARIABLE, "")),
    lambda facts: database.check(facts.config, facts.environment),
    lambda facts: packages.check(facts.config, facts.environment),
    lambda facts: memory.check(facts.settings, facts.config, facts.environment),
    lambda facts: network.check(facts.settings) if facts.ports else (),
    lambda facts: linter.check(facts.settings, facts.config, facts.environment),
    lambda facts: providers.check(facts.config, facts.environment),
)


def run(facts: Facts) -> list[Finding]:
    """Run every check and return what they found."""
    return [finding for check in ORDER for finding in check(facts)]
