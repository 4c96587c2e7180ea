"""What systemd hears of the gateway: when it is ready, what it does, that it lives, that it ends.

Source: sd_notify(3), whose protocol is datagrams to the socket in NOTIFY_SOCKET. gunicorn has a notice of its own,
which comes before its workers; so the variables are taken out of the environment, and nobody else inherits them.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Callable, Mapping, MutableMapping
from typing import Final

_SOCKET: Final = "NOTIFY_SOCKET"
_WATCHDOG: Final = "WATCHDOG_USEC"
_WATCHED: Final = "WATCHDOG_PID"
# Twice as often as it has to be, as sd_watchdog_enabled(3) advises.
_PART: Final = 0.5
_MICROSECONDS: Final = 1_000_000


def prepare(environment: Mapping[str, str], seconds: int) -> None:
    """Say, before there is a supervisor, that the start may take ``seconds``: the unit may be older than a setting."""
    _tell(environment.get(_SOCKET, ""), _longer(seconds), "STATUS=preparing the start")


class ServiceManager:
    """Tells systemd; says nothing where there is none."""

    def __init__(self, environment: MutableMapping[str, str]) -> None:
        """Take the variables out of ``environment``."""
        self._address = environment.pop(_SOCKET, "")
        interval = environment.pop(_WATCHDOG, "")
        watched = environment.pop(_WATCHED, "")
        mine = not watched or watched == str(os.getpid())
        self._interval = int(interval) / _MICROSECONDS * _PART if interval.isdecimal() and mine else 0.0
        self._next = 0.0
        self._ready = False

    def state(self, state: str) -> None:
        """Show what the gateway is; ``ready`` for the first time is the end of its start."""
        first = state == "ready" and not self._ready
        self._ready = self._ready or first
        self._tell(f"STATUS={state}", *(["READY=1"] if first else []))

    def stopping(self, why: str, seconds: int) -> None:
        """Show that the gateway ends by itself or was asked to, within ``seconds``."""
        self._tell("STOPPING=1", _longer(seconds), f"STATUS={why}")

    def watch(self, now: float, alive: Callable[[], bool]) -> None:
        """Say that the gateway lives, if it does, as often as systemd wants to hear it. ``now`` is monotonic."""
        if self._interval and now >= self._next:
            self._next = now + self._interval
            if alive():
                self._tell("WATCHDOG=1")

    def _tell(self, *lines: str) -> None:
        _tell(self._address, *lines)


def _longer(seconds: int) -> str:
    return f"EXTEND_TIMEOUT_USEC={seconds * _MICROSECONDS}"


def _tell(address: str, *lines: str) -> None:
    if not address:
        return
    # A name that begins with @ is one of the abstract kind.
    address = "\0" + address[1:] if address.startswith("@") else address
    # systemd that restarts itself may be away for a moment; what is said next reaches it.
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notices:
        notices.sendto("\n".join(lines).encode(), address)
