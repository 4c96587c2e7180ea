"""A quadlet: the file that Podman's generator makes a unit of, for a container of a user without root."""

from __future__ import annotations

from slipway.runtime.start import Start
from slipway.units import parts


def container(start: Start) -> str:
    """Return the .container file of this start. Raises Refusal where no unit can keep it."""
    parts.refuse_impossible(start)
    stop = start.plan.budget.stop
    ports = [start.settings.number(name) for name in ("PORT", "SLIPWAY_MANAGEMENT_PORT")]
    image = [
        "# As `podman images` names it.",
        "Image=localhost/slipway:dev",
        "ContainerName=slipway",
        f"Exec={parts.arguments(start)}".rstrip(),
        *(f"PublishPort=127.0.0.1:{port}:{port}" for port in ports),
        "# config.yaml, hooks/ and site/",
        "Volume=%E/slipway:/etc/slipway:ro,z",
        "Volume=slipway:/var/lib/slipway:U",
        "User=65532",
        "Group=0",
        "# Your own user is the container's: no other of the machine is needed.",
        "UserNS=keep-id:uid=65532,gid=0",
        "ReadOnly=true",
        "ReadOnlyTmpfs=false",
        "Tmpfs=/tmp:rw,size=256m,mode=1777",
        "Tmpfs=/run/slipway:rw,size=64m,mode=1777",
        "DropCapability=all",
        "NoNewPrivileges=true",
        "Ulimit=core=0:0",
        *parts.environment(start, parts.word),
        *_secrets(start),
        # An image in OCI's format has no health check of its own.
        "HealthCmd=/opt/slipway/entrypoint.sh healthcheck",
        "HealthInterval=10s",
        "HealthTimeout=5s",
        "HealthStartPeriod=60s",
        "# READY comes from the gateway itself, when /readyz says so.",
        "Notify=true",
        f"# {start.plan.budget.arithmetic}",
        f"StopTimeout={stop}",
    ]
    service = [*parts.restart(), f"TimeoutStartSec={parts.start_seconds(start)}", f"TimeoutStopSec={stop + 10}"]
    sections = {
        "Unit": [f"Description={parts.DESCRIPTION}", "Wants=network-online.target", "After=network-online.target"],
        "Container": image,
        "Service": service,
        "Install": ["WantedBy=default.target"],
    }
    return "\n\n".join("\n".join([f"[{name}]", *lines]) for name, lines in sections.items())


def _secrets(start: Start) -> list[str]:
    made = "# podman secret create NAME FILE"
    lines = [f"Secret={name},uid=65532,gid=0,mode=0400" for name in parts.secrets(start)]
    return [made, *lines] if lines else []
