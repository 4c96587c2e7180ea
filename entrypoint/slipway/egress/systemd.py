"""The list as a drop-in for a unit: systemd filters addresses, so that each name is looked up when it is made."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from slipway.egress.formats import comments, place
from slipway.egress.listing import Listing
from slipway.egress.reach import is_address, is_inside
from slipway.report import Finding

_RESOLVER: Final = Path("/etc/resolv.conf")
Lookup = Callable[[str], list[str]]


def look_up(host: str) -> list[str]:
    """Return the addresses of a name, sorted. Raises OSError when it has none."""
    return sorted({str(found[4][0]) for found in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)})


def drop_in(listing: Listing, look_up: Lookup = look_up, resolver: Path = _RESOLVER) -> tuple[str, list[Finding]]:
    """Return the drop-in, and a finding where names have no address."""
    lines = [*comments(listing), "[Service]", "IPAddressDeny=any", "IPAddressAllow=localhost"]
    without: list[str] = []
    servers = [server for server in _servers(resolver) if not is_inside(server)]
    if servers:
        lines += ["# names are looked up there", *(f"IPAddressAllow={server}" for server in servers)]
    reasons: dict[str, list[str]] = {}
    for host in listing.hosts:
        if not is_inside(host.host):
            reasons.setdefault(host.host, []).append(f"{place(host.host, host.port)}: {host.why}")
    for name, why in reasons.items():
        try:
            addresses = [name] if is_address(name) else look_up(name)
        except OSError:
            without.append(name)
            lines += [f"# {each}; it has no address now" for each in why]
            continue
        lines += [*(f"# {each}" for each in why), *(f"IPAddressAllow={address}" for address in addresses)]
    return "\n".join(lines), [_unresolved(without)] if without else []


def _servers(resolver: Path) -> Iterator[str]:
    """Source: resolv.conf(5)."""
    try:
        lines = resolver.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return
    for words in map(str.split, lines):
        if len(words) > 1 and words[0] == "nameserver" and is_address(words[1]):
            yield words[1]


def _unresolved(names: list[str]) -> Finding:
    return Finding(
        "egress-unresolved",
        "warning",
        f"No address here and now, so that the drop-in does not let them through: {', '.join(names)}.",
        "Make the drop-in where the gateway runs, with its DNS and network, or correct the hosts in the config.",
        why="The gateway would be refused its connections to them.",
    )
