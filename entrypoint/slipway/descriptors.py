"""File descriptors: how many a process of the gateway needs, and may have.

The limit is each process's own. The soft one, often 1,024, is what programs that cannot cope with more are given; a
program that can raises it to the hard one, as a start here does for all that it starts.
"""

from __future__ import annotations

import resource
from collections.abc import Mapping
from typing import Final

from slipway.settings import Settings

# What a worker with nothing to do has open, its database, its logs and what callbacks open, rounded up.
_OWN: Final = 250
# litellm/constants.py: connections to providers that a worker keeps at most.
_PROVIDERS: Final = "AIOHTTP_CONNECTOR_LIMIT"
_USUAL: Final = 1000
# More than a worker can serve; without a bound, programs that close all they might have open take minutes for it.
_ENOUGH: Final = 65536


def needed(settings: Settings, environment: Mapping[str, str]) -> int:
    """Return how many descriptors a busy worker takes: a request has a connection of its client and of a provider."""
    limit = environment.get(_PROVIDERS, "").strip()
    providers = int(limit) if limit.isdecimal() and int(limit) else _USUAL
    return 2 * (settings.number("LIMIT_CONCURRENCY") or providers) + _OWN


def most() -> int:
    """Return how many this process may ever have open; a start raises its limit that far."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return _ENOUGH if hard == resource.RLIM_INFINITY else min(hard, _ENOUGH)


def raise_limit() -> None:
    """Let this process, and what it starts, have as many open as it may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < most():
        resource.setrlimit(resource.RLIMIT_NOFILE, (most(), hard))
