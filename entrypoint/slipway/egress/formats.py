"""The list for people and programs, for the chart and for Compose."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Final

from slipway.egress.listing import Listing
from slipway.egress.reach import HTTPS, Host, is_address, is_inside, is_public

# The chart's own rules let these through, on the ports that its values name.
_COVERED: Final = {
    "database": "database.port and networkPolicy.database",
    "redis": "redis.port and networkPolicy.redis",
}
# The gateways of production.yaml, and the last number of each one's way out.
_WAYS_OUT: Final = {"a": 2, "b": 3}
_TEXT: Final = "nothing: this configuration makes the gateway talk to nobody"


def as_text(listing: Listing) -> str:
    """Return lines of ``HOST:PORT  why``, then what is undetermined."""
    places = [(place(host.host, host.port), f"{host.why} ({host.kind})") for host in listing.hosts]
    width = max((len(name) for name, _ in places), default=0)
    lines = [f"{name:<{width}}  {why}" for name, why in places] or [_TEXT]
    for unknown in listing.undetermined:
        lines.append(f"undetermined: {unknown.what}: {unknown.why}\n  fix: {unknown.fix}")
    return "\n".join(lines)


def as_json(listing: Listing) -> str:
    """Return the JSON object that tools rely on."""
    content = {
        "hosts": [asdict(host) for host in listing.hosts],
        "undetermined": [asdict(unknown) for unknown in listing.undetermined],
    }
    return json.dumps(content, indent=2)


def as_helm(listing: Listing) -> str:
    """Return values for the chart: names for Cilium, rules for addresses; the rest as comments."""
    names = sorted({host.host for host in listing.hosts if _is_named(host)})
    addresses = sorted({(host.host, host.port) for host in listing.hosts if is_address(host.host)} - _own(listing))
    lines = [*comments(listing), "networkPolicy:", "  internet: false"]
    if names:
        lines += ["  hosts:", *(f'    - "{name}"' for name in names)]
    else:
        lines.append("  hosts: []")
    if addresses:
        lines.append("  egress:")
    for address, port in addresses:
        width = ipaddress.ip_address(address).max_prefixlen
        lines.append(f"    - to: [{{ipBlock: {{cidr: {json.dumps(f'{address}/{width}')}}}}}]")
        lines.append(f"      ports: [{{port: {port}}}]")
    for host in listing.hosts:
        if host.kind in _COVERED:
            lines.append(f"# {place(host.host, host.port)}: {host.kind}; see {_COVERED[host.kind]}")
        elif is_inside(host.host):
            lines.append(f"# {place(host.host, host.port)}: inside the pod ({host.why})")
        elif not _is_named(host) and not is_address(host.host):
            lines.append(f"# {place(host.host, host.port)}: write a rule below networkPolicy.egress ({host.why})")
    return "\n".join(lines)


def as_compose(listing: Listing) -> str:
    """Return a file beside production.yaml: each ``egress`` lets TLS through by the name that is asked for.

    A gateway finds the address of its own under each name; a name with a ``*`` cannot stand in its hosts file.
    """
    names = sorted({host.host for host in listing.hosts if _is_named(host) and "*" not in host.host})
    others = [host for host in listing.hosts if host.host not in names]
    lines = [
        *comments(listing),
        f'x-environment: &environment {{EGRESS_HOSTS: "{" ".join(names)}"}}',
        "services:",
    ]
    for letter, number in _WAYS_OUT.items():
        lines += [
            f"  egress-{letter}: {{environment: *environment}}",
            f"  gateway-{letter}:",
            "    extra_hosts:" if names else "    extra_hosts: []",
            # What stands before the last number is the network's, which .env may change.
            *(f'      - "{name}:${{INSIDE:-10.231.254}}.{number}"' for name in names),
        ]
    for host in others:
        where = "inside the container" if is_inside(host.host) else "not through egress: give it a network of its own"
        lines.append(f"# {place(host.host, host.port)}: {where} ({host.why})")
    return "\n".join(lines)


def place(host: str, port: int) -> str:
    """Return ``host:port``, an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def comments(listing: Listing) -> Iterator[str]:
    """Yield what is undetermined as comments."""
    for unknown in listing.undetermined:
        yield f"# undetermined: {unknown.what}: {unknown.why}. {unknown.fix}"


def _is_named(host: Host) -> bool:
    return host.port == HTTPS and is_public(host.host) and host.kind not in _COVERED


def _own(listing: Listing) -> set[tuple[str, int]]:
    """Return addresses that need no rule of their own."""
    return {(host.host, host.port) for host in listing.hosts if is_inside(host.host) or host.kind in _COVERED}
