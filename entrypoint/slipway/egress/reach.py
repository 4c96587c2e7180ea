"""What the gateway talks to: hosts with their reasons, and what nobody can tell before it runs."""

from __future__ import annotations

import contextlib
import ipaddress
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from slipway.config_file import REFERENCE, section
from slipway.egress.table import Entry, Table

HTTPS: Final = 443
_PORTS: Final = {
    "http": 80,
    "ws": 80,
    "https": HTTPS,
    "wss": HTTPS,
    "redis": 6379,
    "rediss": 6379,
    "postgresql": 5432,
    "postgres": 5432,
}
_NAME: Final = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*\.?\Z")
_NUMBER: Final = re.compile(r"(^|\.)(\d+|0x[0-9a-f]*)\.?$")
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,79}\Z")
_MOST_REASONS: Final = 4
# Reached whatever HTTP proxy there is: they are no web servers.
DIRECT: Final = frozenset({"database", "redis", "mail"})


@dataclass(frozen=True, slots=True)
class Host:
    """A host that the gateway connects to, on one port; ``kind`` says for what, ``why`` who named it."""

    host: str
    port: int
    kind: str
    why: str


@dataclass(frozen=True, slots=True)
class Undetermined:
    """Something that may need a host which nothing here names."""

    what: str
    why: str
    fix: str


class Unset(Exception):
    """A reference to a variable that is not set; ``name`` is the variable."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


@dataclass(slots=True)
class Reach:
    """The configuration, and what has been found in it so far. ``config`` is the whole one, with what it includes."""

    config: Mapping[str, object]
    environment: Mapping[str, str]
    table: Table
    undetermined: list[Undetermined] = field(default_factory=list)
    _hosts: dict[tuple[str, int, str], list[str]] = field(default_factory=dict)

    @property
    def hosts(self) -> list[Host]:
        """Every host once for each port and kind, in the order of kinds and names."""
        return [
            Host(host, port, kind, _joined(reasons))
            for (host, port, kind), reasons in sorted(self._hosts.items(), key=lambda item: (item[0][2], *item[0]))
        ]

    def section(self, name: str) -> Mapping[str, object]:
        """Return a section of the config, empty when it is absent."""
        return section(self.config, name)

    def variable(self, name: str) -> str:
        """Return a variable, as the container or the config's environment_variables set it; "" when it is unset."""
        return self.environment.get(name, "").strip()

    def text(self, written: object) -> str:
        """Return what a value of the config stands for, "" for none. Raises Unset for a reference to nothing."""
        if not isinstance(written, str | int) or isinstance(written, bool):
            return ""
        text = str(written).strip()
        if not text.startswith(REFERENCE):
            return text
        name = text.removeprefix(REFERENCE)
        if not self.variable(name):
            raise Unset(name)
        return self.variable(name)

    def first(self, mapping: Mapping[str, object], *keys: str) -> str:
        """Return the first value that is set. Raises Unset."""
        return next((text for key in keys if (text := self.text(mapping.get(key)))), "")

    def first_variable(self, *names: str) -> str:
        """Return the first variable that is set, "" when none is."""
        return next((name for name in names if self.variable(name)), "")

    @contextlib.contextmanager
    def of(self, place: str) -> Iterator[None]:
        """Take a reference that is not set for something undetermined at ``place``."""
        try:
            yield
        except Unset as unset:
            self.unset(place, unset)

    def unset(self, place: str, unset: Unset) -> None:
        """Note that a reference at ``place`` leads nowhere; its name is shown where it is written like a variable's."""
        shown = unset.name if _VARIABLE.match(unset.name) else "a variable"
        self.unknown(place, f"it refers to {shown}, which is not set here", f"Set {shown} as the gateway has it.")

    def unknown(self, what: str, why: str, fix: str) -> None:
        """Note what cannot be derived, once."""
        found = Undetermined(what, why, fix)
        if found not in self.undetermined:
            self.undetermined.append(found)

    def add(self, kind: str, why: str, *places: str) -> None:
        """Note hosts, each as ``host`` or ``host:port``, with port 443 when there is none."""
        for place in places:
            self.address(kind, why, place)

    def address(self, kind: str, why: str, text: str, port: int = HTTPS) -> None:
        """Note the host of a URL or of ``host:port``; user, path and query are left out of everything."""
        found = endpoint(text, port)
        if found is None:
            self.unknown(why, "its address cannot be read", "Write it as https://HOST:PORT/PATH.")
            return
        reasons = self._hosts.setdefault((*found, kind), [])
        if why not in reasons:
            reasons.append(why)

    def entry(self, kind: str, why: str, entry: Entry) -> bool:
        """Note where an entry of the table goes: its first variable that is set, or its defaults. False for nowhere."""
        named = self.first_variable(*entry.variables)
        if named:
            self.address(kind, f"{why}, {named}", self.variable(named))
        else:
            self.add(kind, why, *entry.hosts)
        return bool(named or entry.hosts)


def endpoint(text: str, port: int = HTTPS) -> tuple[str, int] | None:
    """Return (host, port) of a URL, ``host:port`` or ``host``; None when it is none."""
    try:
        parts = urlsplit(text if "://" in text else f"//{text}")
        host, given = (parts.hostname or "").lower(), parts.port
    except ValueError:
        return None
    # Short forms of an address, such as 0x7f.1 or 5, go where each library takes them.
    if not is_address(host) and (not _NAME.match(host) or _NUMBER.search(host)):
        return None
    return host.removesuffix("."), given or _PORTS.get(parts.scheme.lower(), port)


def is_address(host: str) -> bool:
    """Tell whether a host is an IP address that any machine takes for the same."""
    if "%" in host:
        # Of one interface.
        return False
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def is_inside(host: str) -> bool:
    """Tell whether a host is the container itself."""
    return host == "localhost" or (is_address(host) and _is_own(ipaddress.ip_address(host)))


def _is_own(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    return address.is_loopback or address.is_unspecified


def is_public(host: str) -> bool:
    """Tell whether a host is a name that the internet's DNS may know, not one of a cluster's or a Compose project's."""
    private = (".local", ".internal", ".svc", ".lan", ".home.arpa", ".localhost", ".test", ".example", ".invalid")
    return "." in host and not is_address(host) and not host.endswith(private)


def _joined(reasons: list[str]) -> str:
    more = len(reasons) - _MOST_REASONS
    return "; ".join(reasons[:_MOST_REASONS]) + (f"; and {more} more" if more > 0 else "")
