"""Core files: a process's memory, written down when it crashes, with every secret that is in it."""

from __future__ import annotations

import resource
from collections.abc import Mapping
from typing import Final

from slipway.settings import parse_switch

VARIABLE: Final = "SLIPWAY_CORE_DUMPS"
# Not 0, which lets the kernel hand the memory to a program that the machine's core_pattern names: with 1 it does
# neither that nor write a file, which would need a page (Linux, fs/coredump.c and core(5)).
_NONE: Final = 1


def forbid(environment: Mapping[str, str]) -> None:
    """Forbid core files to this process, to what it becomes and to what it starts, unless they were asked for."""
    if not parse_switch(environment.get(VARIABLE, "")):
        hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
        limit = _NONE if hard == resource.RLIM_INFINITY else min(_NONE, hard)
        resource.setrlimit(resource.RLIMIT_CORE, (limit, limit))
