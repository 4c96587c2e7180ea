"""The list as a whole: every family's hosts, in one order. Nothing is asked and nothing looked up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from slipway import config_file
from slipway.config_file import REFERENCE, section
from slipway.egress import access, models, observers, others, proxies, routes, stores
from slipway.egress.reach import Host, Reach, Undetermined
from slipway.egress.table import FILE, Table
from slipway.settings import Settings

NONE: Final[Mapping[str, object]] = {}


@dataclass(frozen=True, slots=True)
class Listing:
    """The hosts that a configuration makes the gateway connect to, and what nobody can tell from it."""

    hosts: tuple[Host, ...]
    undetermined: tuple[Undetermined, ...]


def make(
    settings: Settings,
    config: Mapping[str, object],
    environment: Mapping[str, str],
    table: Table,
    worker: Mapping[str, object] = NONE,
) -> Listing:
    """Return the list for a start with these settings and this config file. Raises nothing.

    ``worker`` holds the flags that LiteLLM's workers get, such as ``--model``.
    """
    path = settings.text("CONFIG_FILE_PATH")
    whole = config_file.merged(config, path) if path else config
    reach = Reach(whole, _complete(whole, environment), table)
    if not table.names:
        reach.unknown(
            "hosts of providers",
            f"{FILE}, which the image's build writes, is not here",
            "Run this in the image: docker run --rm … slipway:dev egress …",
        )
    models.add(reach)
    if worker.get("model") or worker.get("api_base"):
        models.add_parameters(reach, worker, "flag --model")
    observers.add(reach)
    stores.add(reach)
    access.add(reach)
    routes.add(reach, settings)
    # The last one: it takes what the others have left.
    others.add(reach)
    return Listing(tuple(proxies.apply(reach)), tuple(reach.undetermined))


def _complete(config: Mapping[str, object], environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables with those that the config sets, which win (proxy_server.py, load_config)."""
    complete = dict(environment)
    for name, value in section(config, "environment_variables").items():
        text = str(value)
        referred = environment.get(text.removeprefix(REFERENCE)) if text.startswith(REFERENCE) else text
        if referred is not None and value is not None:
            complete[str(name)] = referred
    return complete
