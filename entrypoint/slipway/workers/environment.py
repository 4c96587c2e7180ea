"""A process of the gateway takes over the secrets in force, which came from files.

``/proc/PID/environ`` shows what a program was started with, and none is started with them. What a process gives itself
it does not show.
"""

from __future__ import annotations

import platform
from collections.abc import MutableMapping
from pathlib import Path

from slipway.secrets import HELD
from slipway.workers import configuration, slots


def ask_platform() -> None:
    """Ask for what SDKs of providers put into their first request, before there are secrets from files here.

    Python starts ``uname`` for it, once in a process and those forked from it (``platform.processor``).
    """
    platform.platform()


def take_over(environment: MutableMapping[str, str]) -> None:
    """Give ``environment`` the secrets in force, and take those away that it had from files and that are gone.

    Does nothing where no configuration is kept: without a supervisor the environment has them already.
    Raises OSError when they cannot be read.
    """
    directory = environment.get(slots.WORKERS_VARIABLE)
    given = configuration.secrets_in_force(Path(directory)) if directory else None
    if given is None:
        return
    for name in environment.get(HELD, "").split(","):
        if name and name not in given:
            environment.pop(name, None)
    environment.update(given)
    environment[HELD] = ",".join(sorted(given))
