"""The egress of a rendered NetworkPolicy, enforced on a container in its own network namespace, as a cluster would.

Only what the chart renders is understood; any other field is an error, so that no rule goes unnoticed.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Iterator
from typing import Any

from tests.support.lab import Box

_PROTOCOLS = {"TCP": "tcp", "UDP": "udp"}


def enforce(box: Box, policy: dict[str, Any]) -> None:
    """Let nothing out of the container but what the policy allows, from now on."""
    assert "Egress" in policy["spec"]["policyTypes"]
    pid = str(box.state["Pid"])
    # Of the engine's own: names are asked for, and probes answered, on the loopback.
    commands = [["-A", "OUTPUT", "-o", "lo", "-j", "ACCEPT"]]
    # What answers a request from outside belongs to that request.
    commands.append(["-A", "OUTPUT", "-m", "conntrack", "--ctstate", "ESTABLISHED", "-j", "ACCEPT"])
    for number, rule in enumerate(policy["spec"]["egress"]):
        commands += _rule(f"RULE{number}", rule)
    commands.append(["-A", "OUTPUT", "-j", "REJECT"])
    for words in commands:
        subprocess.run(
            ["nsenter", "--net", "--target", pid, "iptables", *words], check=True, capture_output=True, text=True
        )


def _rule(name: str, rule: dict[str, Any]) -> Iterator[list[str]]:
    assert set(rule) <= {"ports", "to"}, rule
    yield ["-N", name]
    for port in rule["ports"]:
        assert set(port) <= {"port", "protocol"}, port
        protocol = _PROTOCOLS[port.get("protocol", "TCP")]
        yield ["-A", "OUTPUT", "-p", protocol, "--dport", str(port["port"]), "-j", name]
    for peer in rule.get("to", [{"ipBlock": {"cidr": "0.0.0.0/0"}}]):
        assert set(peer) == {"ipBlock"}, f"a peer that is not understood: {peer}"
        yield from _block(name, peer["ipBlock"])


def _block(name: str, block: dict[str, Any]) -> Iterator[list[str]]:
    if ":" in block["cidr"]:
        return  # the containers have no such addresses
    excepted: Iterable[str] = block.get("except", [])
    for cidr in excepted:
        yield ["-A", name, "-d", cidr, "-j", "RETURN"]
    yield ["-A", name, "-d", block["cidr"], "-j", "ACCEPT"]
