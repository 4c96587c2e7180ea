"""Whether workers fit into the container's memory: the kernel ends them without a word of theirs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from slipway.cgroup import memory_limit
from slipway.checks.database import is_configured
from slipway.report import ExitCode, Finding
from slipway.settings import Settings

# In MB, from bench/results/latest.json: pss_1, pss_per_worker and engine_pss, rounded down; more is needed for certain.
_FIRST: Final = 300
_FURTHER: Final = 25
_ENGINE: Final = 70
# The same after 100,000 requests: pss_growth, and engine_pss_used.
_FIRST_USED: Final = 430
_FURTHER_USED: Final = 130
_ENGINE_USED: Final = 110
_MB: Final = 1_000_000


def check(settings: Settings, config: Mapping[str, object], environment: Mapping[str, str]) -> list[Finding]:
    """Refuse a container that its workers do not fit into, and warn of one that leaves little for requests."""
    workers = settings.number("NUM_WORKERS") or 1
    engines = workers if is_configured(config, environment) else 0
    found = _recycling(settings)
    available = memory_limit()
    if available is None:
        return found
    least = _FIRST + _FURTHER * (workers - 1) + _ENGINE * engines
    usual = _FIRST_USED + _FURTHER_USED * (workers - 1) + _ENGINE_USED * engines
    database = " with a database" if engines else ""
    who = f"{workers} workers{database} take" if workers > 1 else f"1 worker{database} takes"
    if available >= usual * _MB:
        return found
    refused = available < least * _MB
    finding = Finding(
        "memory-budget",
        "error" if refused else "warning",
        f"The container may use {available // _MB} MB of memory, and {who} {least if refused else usual} MB"
        f"{' before the first request' if refused else ' after some time'}.",
        f"Give it {usual} MB or more{', or run fewer workers (NUM_WORKERS)' if workers > 1 else ''}.",
        ExitCode.CAPACITY,
        "The kernel kills the largest worker when memory runs out, with its requests.",
    )
    return [*found, finding]


def _recycling(settings: Settings) -> list[Finding]:
    wanted = settings.number("SLIPWAY_RECYCLE_MEMORY_MB")
    if wanted is None or wanted >= _FIRST_USED:
        return []
    return [
        Finding(
            "recycle-memory-low",
            "warning",
            f"SLIPWAY_RECYCLE_MEMORY_MB is {wanted}, and a worker that has served for some time takes {_FIRST_USED}.",
            f"Set it well above {_FIRST_USED}, or remove it.",
            why="Workers would be replaced one after the other, each as soon as it may be.",
        )
    ]
