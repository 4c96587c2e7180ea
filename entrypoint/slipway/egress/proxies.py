"""An HTTP proxy between the gateway and the world: then the proxy is what the gateway connects to."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Final

from slipway.egress.reach import DIRECT, Host, Reach, is_inside

_SQUID: Final = 3128
_BY_PORT: Final = {True: ("HTTPS_PROXY", "https_proxy"), False: ("HTTP_PROXY", "http_proxy")}
_ALL: Final = ("ALL_PROXY", "all_proxy")


def apply(reach: Reach) -> list[Host]:
    """Return the hosts that are connected to when HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY are respected.

    Source: httpx (_utils.py, get_environment_proxies) and LiteLLM's aiohttp_transport.py, which read the same ones.
    """
    hosts = reach.hosts
    if not reach.first_variable(*_BY_PORT[True], *_BY_PORT[False], *_ALL):
        return hosts
    exceptions = [
        part.strip().lower()
        for part in (reach.variable("NO_PROXY") or reach.variable("no_proxy")).split(",")
        if part.strip()
    ]
    direct: list[Host] = []
    through: dict[str, int] = {}
    for host in hosts:
        # Which one, the scheme tells; by its port it is known well enough.
        names = _BY_PORT[host.port != 80]
        variable = reach.first_variable(*names, *_ALL)
        if not variable or host.kind in DIRECT or is_inside(host.host) or is_excepted(host.host, exceptions):
            direct.append(host)
        else:
            through[variable] = through.get(variable, 0) + 1
    proxied = Reach(reach.config, reach.environment, reach.table, reach.undetermined)
    for variable, count in through.items():
        why = f"variable {variable}, for {count} host{'s' if count > 1 else ''}"
        proxied.address("proxy", why, reach.variable(variable), _SQUID)
    return [*proxied.hosts, *direct]


def is_excepted(host: str, exceptions: Sequence[str]) -> bool:
    """Tell whether NO_PROXY's entries except a host: a name with all below it, an address, a network, or everything."""
    for entry in exceptions:
        name = entry.removeprefix("*").removeprefix(".").partition(":")[0]
        if entry == "*" or host == name or host.endswith(f".{name}"):
            return True
        try:
            if ipaddress.ip_address(host) in ipaddress.ip_network(entry, strict=False):
                return True
        except (ValueError, TypeError):
            continue
    return False
