"""The management port: small, bounded, and unable to take the supervisor down.

Probes come every few seconds and need one short answer. Connections are few and short by construction: one more than
the limit is closed at once, and one that does not send its request in time is closed as well.
"""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

_CONNECTIONS: Final = 64
_REQUEST_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class Request:
    """Who asks. ``token`` is the header X-Drain-Token, as of LiteLLM's own drain endpoint."""

    local: bool
    token: str | None


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered."""

    code: int
    body: str
    type: str = "application/json"

    @classmethod
    def state(cls, code: int, state: str) -> Answer:
        """Return an answer whose body holds one word of state."""
        return cls(code, json.dumps({"status": state}))


Route = Callable[[Request], Answer]


class Server(ThreadingHTTPServer):
    """Answers what ``routes`` names by method and path; HEAD is answered as GET."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], routes: Mapping[tuple[str, str], Route]) -> None:
        """Bind ``address`` (host, port). Raises OSError when that is not possible."""
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.routes = routes
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
        self._answer("GET")

    def do_HEAD(self) -> None:
        self._answer("GET")

    def do_POST(self) -> None:
        self._answer("POST")

    def _answer(self, method: str) -> None:
        route = self.server.routes.get((method, self.path))
        if route is None:
            known = {path for _, path in self.server.routes}
            self.send_error(405 if self.path in known else 404)
            return
        answer = route(Request(_is_local(self.client_address[0]), self.headers.get("X-Drain-Token")))
        body = answer.body.encode()
        self.send_response(answer.code)
        self.send_header("Content-Type", answer.type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: probes come every few seconds."""


def _is_local(host: str) -> bool:
    # Not all of 127.0.0.0/8: a service mesh's sidecar delivers what comes from elsewhere with such an address.
    return host.removeprefix("::ffff:") in ("127.0.0.1", "::1")


def _hang_up(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        # It ended by itself meanwhile.
        return
