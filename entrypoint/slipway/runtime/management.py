"""The management port: small, bounded, and unable to take the supervisor down.

Probes come every few seconds and need one short answer. Connections are few and short by construction: one more than
the limit is closed at once, and one that does not send its request in time is closed as well.
"""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, BinaryIO, Final

_CONNECTIONS: Final = 64
_REQUEST_SECONDS: Final = 5.0
# To take an answer, of some megabytes where there are many metrics.
_SEND_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class Request:
    """Who asks, and the headers by their names in lower case."""

    local: bool
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered; the body may be a file, which is sent without reading it into memory."""

    code: int
    body: bytes | BinaryIO
    type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()
    # Called once it is sent, or cannot be.
    sent: Callable[[], None] = lambda: None

    @classmethod
    def state(cls, code: int, state: str, *headers: tuple[str, str]) -> Answer:
        """Return an answer whose body holds one word of state."""
        return cls(code, json.dumps({"status": state}).encode(), headers=headers)


Route = Callable[[Request], Answer]


class Server(ThreadingHTTPServer):
    """Answers what ``routes`` names by method and path; HEAD is answered as GET.

    ``patience`` has the paths that may take longer than others, in seconds.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(
        self,
        address: tuple[str, int],
        routes: Mapping[tuple[str, str], Route],
        patience: Mapping[str, float] | None = None,
    ) -> None:
        """Bind ``address`` (host, port). Raises OSError when that is not possible."""
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.routes = routes
        self.patience = patience or {}
        # By connection, in seconds of the monotonic clock.
        self._ends: dict[socket.socket, float] = {}
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
        try:
            self.end_in(_REQUEST_SECONDS, request)
            super().process_request_thread(request, client_address)
        finally:
            self._ends.pop(request, None)
            self._free.release()

    def end_in(self, seconds: float, connection: socket.socket) -> None:
        """Give a connection so long from now on, and up to the loop's interval more."""
        self._ends[connection] = time.monotonic() + seconds

    def service_actions(self) -> None:
        """Hang up on those whose time is over: the loop's turn, since a timer would be a thread a connection."""
        now = time.monotonic()
        for connection, end in list(self._ends.items()):
            if now >= end:
                _hang_up(connection)

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
        path = self.path.partition("?")[0]
        route = self.server.routes.get((method, path))
        if route is None:
            known = {path for _, path in self.server.routes}
            self.send_error(405 if path in known else 404)
            return
        if path in self.server.patience:
            self.server.end_in(self.server.patience[path], self.connection)
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = route(Request(_is_local(self.client_address[0]), headers))
        try:
            self.server.end_in(_SEND_SECONDS, self.connection)
            self._send(answer)
        finally:
            answer.sent()

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.code)
        self.send_header("Content-Type", answer.type)
        for name, value in answer.headers:
            self.send_header(name, value)
        size = len(answer.body) if isinstance(answer.body, bytes) else os.fstat(answer.body.fileno()).st_size
        self.send_header("Content-Length", str(size))
        self.end_headers()
        if self.command == "HEAD":
            return
        if isinstance(answer.body, bytes):
            self.wfile.write(answer.body)
        else:
            self.connection.sendfile(answer.body)

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
