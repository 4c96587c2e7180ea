"""The allow-list in the words of whoever enforces it."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Sequence
from dataclasses import asdict
from ipaddress import ip_address
from typing import Final

from slipway.egress.places import HTTPS, Egress, Host

# Services inside, for which the chart and the Compose file have rules of their own.
_INSIDE: Final = ("database", "redis")

Resolve = Callable[[str], Sequence[str]]


def _addresses(host: str) -> list[str]:
    """Return the addresses of a host as they are now. Raises OSError."""
    return sorted({str(found[4][0]) for found in socket.getaddrinfo(host, None, proto=socket.IPPROTO_TCP)})


def as_text(egress: Egress) -> str:
    """For a person: a host a line, then what nobody can know."""
    width = max((len(f"{one.host}:{one.port}") for one in egress.hosts), default=0)
    lines = [f"{f'{one.host}:{one.port}':<{width}}  {one.kind}: {one.why}" for one in egress.hosts]
    return "\n".join([*lines, *_left_open(egress, "")]) or "none: the configuration names no host"


def as_json(egress: Egress) -> str:
    """For a program."""
    content = {"hosts": list(map(asdict, egress.hosts)), "undetermined": list(map(asdict, egress.undetermined))}
    return json.dumps(content, indent=2)


def as_helm(egress: Egress) -> str:
    """Return values of the chart; hosts by name are for Cilium, which knows names."""
    names = _names(egress)
    listed = [f"    - {json.dumps(name)}" for name in names]
    lines = ["networkPolicy:", "  hosts:" if names else "  hosts: []", *listed]
    return "\n".join([*_others(egress, "networkPolicy.egress takes a rule for it"), *_left_open(egress), *lines])


def as_compose(egress: Egress) -> str:
    """Return a file beside production.yaml, whose service `egress` lets TLS through to these names."""
    names = [name for name in _names(egress) if "*" not in name]
    # What stands before the last number is the network's, which .env may change.
    places = [f'  - "{name}:${{INSIDE:-10.231.254}}.2"' for name in names]
    lines = ["x-hosts: &hosts", *places] if names else ["x-hosts: &hosts []"]
    lines += [
        "services:",
        f'  egress: {{environment: {{EGRESS_HOSTS: "{" ".join(names)}"}}}}',
        "  gateway-a: {extra_hosts: *hosts}",
        "  gateway-b: {extra_hosts: *hosts}",
    ]
    return "\n".join([*_others(egress, "put the gateways on a network with it"), *_left_open(egress), *lines])


def as_systemd(egress: Egress, resolve: Resolve = _addresses) -> str:
    """Return a drop-in with the addresses that the hosts have now: all else is refused by the kernel."""
    lines = ["[Service]", "IPAddressDeny=any", "IPAddressAllow=localhost"]
    for one in egress.hosts:
        lines.append(f"# {one.host}: {one.why}")
        try:
            addresses = [one.host] if _is_address(one.host) else resolve(one.host)
        except OSError:
            lines.append("# not found now; run this again where the name is known")
            continue
        lines += [f"IPAddressAllow={address}" for address in addresses]
    return "\n".join([*_left_open(egress), *lines])


FORMATS: Final[dict[str, Callable[[Egress], str]]] = {
    "text": as_text,
    "json": as_json,
    "helm": as_helm,
    "compose": as_compose,
    "systemd": as_systemd,
}


def _names(egress: Egress) -> list[str]:
    return sorted({one.host for one in egress.hosts if _by_name(one)})


def _by_name(one: Host) -> bool:
    return one.port == HTTPS and one.kind not in _INSIDE and not _is_address(one.host)


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _others(egress: Egress, fix: str) -> list[str]:
    return [
        f"# {one.host}:{one.port} is not among them ({one.kind}: {one.why}): {fix}"
        for one in egress.hosts
        if one.kind not in _INSIDE and not _by_name(one)
    ]


def _left_open(egress: Egress, mark: str = "# ") -> list[str]:
    return [f"{mark}undetermined: {one.what}: {one.why}; {one.fix}" for one in egress.undetermined]
