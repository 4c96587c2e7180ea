"""What an allow-list consists of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

HTTPS: Final = 443
_PORTS: Final = {"https": HTTPS, "wss": HTTPS, "http": 80, "ws": 80, "grpc": HTTPS}


@dataclass(frozen=True, slots=True, order=True)
class Host:
    """One host and port. ``kind`` is what it is to the gateway; ``why`` names who asks for it, never a value."""

    host: str
    port: int
    kind: str
    why: str


@dataclass(frozen=True, slots=True, order=True)
class Undetermined:
    """Something that will ask hosts which nobody can know beforehand, and what to do about it."""

    what: str
    why: str
    fix: str


@dataclass(frozen=True, slots=True)
class Egress:
    """All of it; each host once, with the first reason."""

    hosts: tuple[Host, ...]
    undetermined: tuple[Undetermined, ...]


def of_url(text: str, kind: str, why: str) -> Host | None:
    """Return the host of a URL, without its login, path and query; None for any other text."""
    try:
        parts = urlsplit(text.strip())
        port = parts.port
    except ValueError:
        return None
    # A host is lower-case letters, whatever the URL's are.
    if parts.scheme not in _PORTS or not parts.hostname or "{" in parts.hostname:
        return None
    return Host(parts.hostname, port or _PORTS[parts.scheme], kind, why)
