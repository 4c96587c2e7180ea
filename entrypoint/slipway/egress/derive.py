"""All families of sources together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from slipway import known
from slipway.config_file import REFERENCE
from slipway.egress import models, services, urls
from slipway.egress.known_hosts import KnownHosts, load
from slipway.egress.places import Egress, Host, Undetermined
from slipway.settings import Settings


def derive(
    settings: Settings,
    config: Mapping[str, object],
    environment: Mapping[str, str],
    hosts: KnownHosts | None = None,
    variables: frozenset[str] | None = None,
) -> Egress:
    """Return what this configuration makes the gateway talk to. ``config`` is the whole one, with what it includes.

    ``hosts`` and ``variables`` are what the image knows of LiteLLM, unless they are given.
    """
    if variables is None:
        installed = known.load()
        variables = installed.variables if installed else frozenset(environment)
    found = _all(settings, config, environment, hosts or load(), variables)
    listed: dict[tuple[str, int], Host] = {}
    undetermined: dict[str, Undetermined] = {}
    for one in found:
        if isinstance(one, Host):
            listed.setdefault((one.host, one.port), one)
        else:
            undetermined.setdefault(one.what, one)
    return Egress(tuple(sorted(listed.values())), tuple(sorted(undetermined.values())))


def _all(
    settings: Settings,
    config: Mapping[str, object],
    environment: Mapping[str, str],
    hosts: KnownHosts,
    variables: frozenset[str],
) -> Iterator[Host | Undetermined]:
    def value(written: object) -> str | None:
        if not isinstance(written, str):
            return None
        return environment.get(written.removeprefix(REFERENCE)) if written.startswith(REFERENCE) else written

    # The first reason is the one that is shown: what a place is for goes before the mere URL.
    yield from services.find(settings, config, environment)
    yield from models.find(config, environment, hosts, value)
    yield from urls.in_config(config, environment)
    yield from urls.in_variables(environment, variables)
