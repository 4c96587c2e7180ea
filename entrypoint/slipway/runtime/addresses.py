"""How to reach, from inside the container, what listens on a wildcard address."""

from __future__ import annotations

from typing import Final

_WILDCARDS: Final = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}


def reachable(host: str) -> str:
    """Return the loopback address for a wildcard, and any other ``host`` as it is."""
    return _WILDCARDS.get(host, host)
