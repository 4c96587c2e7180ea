"""The server's processes as the supervisor starts them: one, or several at a time where each is its own only worker."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Sequence
from typing import Final

from slipway.processes import spawn
from slipway.runtime.assignment import Assignment

# Beyond what a process opens before its server looks for it.
SHARED_DESCRIPTOR: Final = 100


class Servers:
    """The server, or under ``only_worker`` as many servers as serve and leave at the moment, on one socket."""

    wanted: Final = 1

    def __init__(self, assignment: Assignment) -> None:
        """Bind the port where processes have to share it. Raises OSError."""
        self._argv = assignment.argv
        self._socket: socket.socket | None = None
        self._pids: list[int] = []
        if assignment.only_worker:
            found = socket.getaddrinfo(
                assignment.host or None, assignment.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )
            # A name may have addresses of both kinds; the plain one is what containers are reached by.
            family, kind, protocol, _, address = min(found, key=lambda one: one[0] != socket.AF_INET)
            self._socket = socket.socket(family, kind, protocol)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            # The server listens on it once it can serve; until then a client is refused, as without a supervisor.
            self._socket.bind(address)
            self._argv = (*self._argv, "--fd", str(SHARED_DESCRIPTOR))

    def pids(self) -> Sequence[int]:
        """Return the processes that have not ended, oldest first."""
        return tuple(self._pids)

    def add(self) -> int:
        """Start one more and return its pid. Raises OSError."""
        shared = {SHARED_DESCRIPTOR: self._socket.fileno()} if self._socket else None
        pid = spawn(self._argv, shared)
        self._pids.append(pid)
        return pid

    def ended(self, pid: int) -> bool:
        """Take note that a child has ended; tell whether it was one of these."""
        if pid not in self._pids:
            return False
        self._pids.remove(pid)
        return True

    def stop(self) -> None:
        """Tell them to stop, and stop listening with them."""
        if self._socket:
            self._socket.close()
            self._socket = None
        self.signal(signal.SIGTERM)

    def signal(self, which: signal.Signals) -> None:
        """Send a signal to each of them."""
        for pid in self._pids:
            os.kill(pid, which)

    def kill(self) -> None:
        """Kill them and whatever they have started."""
        for pid in self._pids:
            os.killpg(pid, signal.SIGKILL)
