"""The management port: small, bounded, and unable to take the supervisor down.

Probes come every few seconds and need one short answer. Connections are few and short by construction: one more than
the limit is closed at once, and one that does not send its request in time is closed as well.
"""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

Probe = Callable[[], tuple[bool, str]]
_CONNECTIONS: Final = 64
_REQUEST_SECONDS: Final = 5.0


class Server(ThreadingHTTPServer):
    """Answers GET and HEAD of each path of ``probes`` with 200 or 503 and the state as JSON."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], probes: Mapping[str, Probe]) -> None:
        """Bind ``address`` (host, port). Raises OSError when that is not possible."""
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.probes = probes
        self._free = threading.BoundedSemaphore(_CONNECTIONS)
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a connection in a thread of its own, or close it when there are too many."""
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except RuntimeError:
            # No thread could be started: the container's limit of processes is reached.
            self._free.release()
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve one connection; whatever it sends, it ends in time."""
        deadline = threading.Timer(_REQUEST_SECONDS, _hang_up, [request])
        deadline.daemon = True
        try:
            deadline.start()
            super().process_request_thread(request, client_address)
        finally:
            deadline.cancel()
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a client that went away is no event."""


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        probe = self.server.probes.get(self.path)
        if probe is None:
            self.send_error(404)
            return
        ok, state = probe()
        body = json.dumps({"status": state}).encode()
        self.send_response(200 if ok else 503)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_HEAD(self) -> None:
        self.do_GET()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: probes come every few seconds."""


def _hang_up(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        # It ended by itself meanwhile.
        return
