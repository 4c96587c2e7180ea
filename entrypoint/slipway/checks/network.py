"""Whether the ports are free: LiteLLM takes a random port when 4000 is not."""

from __future__ import annotations

import errno
import socket

from slipway.report import ExitCode, Finding
from slipway.settings import Settings


def check(settings: Settings) -> list[Finding]:
    """Try to bind each port the gateway needs, and let it go again."""
    wanted = [("HOST", "PORT")]
    if settings.on("SLIPWAY_SUPERVISOR"):
        wanted.append(("SLIPWAY_MANAGEMENT_HOST", "SLIPWAY_MANAGEMENT_PORT"))
    if settings.number("PROMETHEUS_METRICS_PORT") is not None:
        wanted.append(("HOST", "PROMETHEUS_METRICS_PORT"))
    ports = [settings.number(port) for _, port in wanted]
    findings = [
        Finding(
            "port-twice",
            "error",
            f"{port} is the same port as another of the gateway's.",
            f"Choose another number for {port}.",
            ExitCode.CONFIG,
        )
        for index, (_, port) in enumerate(wanted)
        if ports[index] in ports[:index]
    ]
    return findings or [finding for host, port in wanted for finding in _try(settings, host, port)]


def _try(settings: Settings, host: str, port: str) -> list[Finding]:
    address, number = settings.text(host) or "", settings.number(port) or 0
    source = settings[port].source
    try:
        family, kind, protocol, _, target = socket.getaddrinfo(address, number, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(target)
    except socket.gaierror:
        return [_invalid(host, "is not an address")]
    except OSError as problem:
        if problem.errno == errno.EADDRINUSE:
            return [
                Finding(
                    "port-taken",
                    "error",
                    f"Port {number} ({port}, {source}) is taken by another process.",
                    f"Stop that process, or choose another {port}.",
                    ExitCode.PORT,
                    "Clients and probes come to this port, and no other is taken in its place.",
                )
            ]
        if problem.errno in (errno.EACCES, errno.EPERM):
            return [_invalid(port, "is a privileged port that this uid may not open")]
        return [_invalid(host, f"cannot be listened on ({problem.strerror})")]
    return []


def _invalid(name: str, why: str) -> Finding:
    return Finding("address-invalid", "error", f"{name} {why}.", f"Correct {name}.", ExitCode.CONFIG)
