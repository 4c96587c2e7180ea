"""HAProxy in front of the gateways of a test, on their network, set up as an operator would."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from docker.errors import ImageNotFound

from tests.support import gateway
from tests.support.lab import Box, Lab, Spec, hardened, wait_until

IMAGE = "slipway-haproxy:latest"
PORT = 8000
STATISTICS_PORT = 8404
FOLDER = "/etc/haproxy"
BACKEND = "gateways"
UP_SECONDS = 30
# HAProxy's own kind of retry is kept: a connection that was refused, before anything was sent, is tried once at another
# gateway. A request that was sent is never repeated, and `Balancer.retries` tells whether the one kind was needed.
# A container that starts again may have another address: names are asked for once a second.
SETTINGS = f"""\
global
    log stdout format raw local0
resolvers engine
    parse-resolv-conf
    hold valid 1s
defaults
    mode http
    log global
    option httplog
    option redispatch
    retries 1
    retry-on conn-failure
    timeout connect 5s
    timeout check 5s
    timeout client 1h
    timeout server 1h
frontend clients
    bind :{PORT}
    default_backend {BACKEND}
frontend statistics
    bind :{STATISTICS_PORT}
    no log
    stats enable
    stats uri /
backend {BACKEND}
    balance leastconn
    option httpchk GET /readyz
    default-server check port {gateway.MANAGEMENT_PORT} inter 500ms fall 1 rise 1 resolvers engine init-addr libc,none
"""


@dataclass(frozen=True)
class Balancer:
    box: Box

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.box.port(PORT)}"

    def ready(self) -> set[str]:
        """The gateways whose last check was answered by 200."""
        return {row["svname"] for row in self._rows() if row["status"] == "UP" and row["check_status"] == "L7OK"}

    def retries(self) -> int:
        """How many connections were tried a second time."""
        return sum(int(row["wretr"]) for row in self._rows() if row["svname"] == "BACKEND")

    def served(self) -> dict[str, int]:
        """How many requests each gateway has answered by 2xx."""
        return {row["svname"]: int(row["hrsp_2xx"] or 0) for row in self._rows()}

    def changes(self) -> list[str]:
        """What it logged about gateways that went or came, with its reason."""
        return [line for line in self.box.logs().splitlines() if line.startswith((f"Server {BACKEND}/", "backend "))]

    def wait_ready(self, *names: str, seconds: float = UP_SECONDS) -> None:
        """Wait until just these gateways get requests."""
        wait_until(f"the balancer to use {names}", lambda: self.ready() == set(names), seconds)

    def _rows(self) -> list[dict[str, str]]:
        answer = httpx.get(f"http://127.0.0.1:{self.box.port(STATISTICS_PORT)}/;csv", timeout=10)
        text = answer.raise_for_status().text.removeprefix("# ")
        return [row for row in csv.DictReader(text.splitlines()) if row["pxname"] == BACKEND]


def start(lab: Lab, network: str, directory: Path, names: Sequence[str], later: Sequence[str] = ()) -> Balancer:
    """Start it in front of the gateways with these names on `network`; it follows their /readyz.

    `later` are names of gateways that are not started yet: it does not look for them before it starts itself.
    """
    try:
        lab.client.images.get(IMAGE)
    except ImageNotFound:
        pytest.fail(f"the image {IMAGE} does not exist: sh docker/build.sh haproxy", pytrace=False)
    servers = "".join(f"    server {name} {name}:{gateway.PORT}\n" for name in names)
    servers += "".join(f"    server {name} {name}:{gateway.PORT} init-addr none\n" for name in later)
    files = {f"{FOLDER}/haproxy.cfg": gateway.write(directory, "haproxy.cfg", SETTINGS + servers)}
    command = ("haproxy", "-W", "-db", "-f", f"{FOLDER}/haproxy.cfg")
    switches = {**hardened(("/tmp",)), "image": IMAGE, "network": network, "ports": (PORT, STATISTICS_PORT)}
    balancer = Balancer(lab.start(Spec(command=command, files=files, **switches)))  # type: ignore[arg-type]
    wait_until(f"HAProxy; its log: {balancer.box.logs()}", lambda: _answers(balancer), UP_SECONDS)
    return balancer


def _answers(balancer: Balancer) -> bool:
    assert balancer.box.running, balancer.box.logs()
    try:
        balancer.ready()
    except httpx.TransportError:
        return False
    return True
