"""One import of the proxy for all workers: the server's first process imports it, the workers are forked from it."""

from __future__ import annotations

import importlib
import os
import threading
from pathlib import Path
from typing import Final

from slipway import log
from slipway.workers import slots

APPLICATION_MODULE: Final = "slipway.runtime.asgi"
_LAST_STANDARD_STREAM: Final = 2


def preload() -> None:
    """Import the application into this process and check that workers can be forked from it."""
    prepare()
    importlib.import_module(APPLICATION_MODULE)
    check()


def prepare() -> None:
    """Keep metrics that are made while importing out of what workers count."""
    if own := slots.own():
        own.stay_parent()


def check() -> None:
    """Forbid LiteLLM's native routes in this process, and log what a fork would not take along.

    Raises LiteLLM's NativeStateStartedBeforeFork (litellm/rust_bridge/fork_guard.py) when one has already run.
    """
    from litellm.rust_bridge.fork_guard import reserve_process_for_forking

    reserve_process_for_forking("the process that workers are forked from")
    if own := slots.own():
        own.forget_parent()
    for obstacle in obstacles():
        log.line(
            f"{obstacle} in the process that workers are forked from; they would share or miss it. "
            "Start it in the worker (a worker startup hook), or set SLIPWAY_PRELOAD=off",
            level="error",
        )


def obstacles() -> list[str]:
    """Return what must not exist before a fork and does: threads, event loops, sockets, database clients."""
    others = (thread for thread in threading.enumerate() if thread is not threading.main_thread())
    found = [f"the thread {thread.name} runs" for thread in others]
    native = len(os.listdir("/proc/self/task")) - threading.active_count()
    if native > 0:
        found.append(f"{native} native thread{'s' if native > 1 else ''} run{'' if native > 1 else 's'}")
    found += [f"the {kind} {name} is open" for kind, name in _descriptors()]
    if getattr(importlib.import_module("litellm.proxy.proxy_server"), "prisma_client", None) is not None:
        found.append("a database client exists")
    return found


def _descriptors() -> list[tuple[str, str]]:
    """Sockets and event loops beside the standard streams, which may be sockets of the container engine."""
    found = []
    for entry in Path("/proc/self/fd").iterdir():
        try:
            target = os.readlink(entry)
        except OSError:
            continue
        kind = "event loop" if "eventpoll" in target else "socket" if target.startswith("socket:") else None
        if kind and int(entry.name) > _LAST_STANDARD_STREAM:
            found.append((kind, entry.name))
    return found
