"""``slipway egress``: which hosts and ports this configuration makes the gateway talk to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from slipway.egress import formats, listing, table
from slipway.report import Finding
from slipway.runtime import start

FORMATS: Final = ("text", "json", "helm", "compose", "systemd")


def run(argv: Sequence[str], environment: Mapping[str, str], style: str) -> tuple[str, list[Finding]]:
    """Return what is to be printed, and what was found on the way. Raises Refusal (64, 65)."""
    command_line, settings, config = start.resolve(argv, environment)
    found = listing.make(settings, config, environment, table.load(), command_line.worker)
    match style:
        case "json":
            return formats.as_json(found), []
        case "helm":
            return formats.as_helm(found), []
        case "compose":
            return formats.as_compose(found), []
        case "systemd":
            # Imported here: only this one asks the network.
            from slipway.egress import systemd

            return systemd.drop_in(found)
        case _:
            return formats.as_text(found), []
