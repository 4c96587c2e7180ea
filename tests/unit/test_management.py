"""The management port under clients that mean no good."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest

from slipway.runtime import management
from slipway.runtime.management import Answer
from tests.support.lab import wait_until


@contextmanager
def serving(
    routes: dict[tuple[str, str], management.Route], patience: dict[str, float] | None = None
) -> Iterator[management.Server]:
    with management.Server(("127.0.0.1", 0), routes, patience) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        yield server
        server.shutdown()


@pytest.fixture
def server() -> Iterator[management.Server]:
    routes: dict[tuple[str, str], management.Route] = {
        ("GET", "/yes"): lambda _: Answer.state(200, "fine"),
        ("GET", "/no"): lambda _: Answer.state(503, "why"),
        ("POST", "/who"): lambda request: Answer.state(
            200, f"local={request.local} token={request.headers['x-drain-token']}"
        ),
    }
    with serving(routes) as server:
        yield server


def url(server: management.Server, path: str) -> str:
    return f"http://127.0.0.1:{server.server_address[1]}{path}"


def test_states_become_codes(server: management.Server) -> None:
    assert httpx.get(url(server, "/yes")).json() == {"status": "fine"}
    assert httpx.get(url(server, "/no")).status_code == 503
    assert httpx.head(url(server, "/yes")).content == b""
    assert httpx.get(url(server, "/other")).status_code == 404
    assert httpx.post(url(server, "/yes")).status_code == 405
    assert httpx.delete(url(server, "/yes")).status_code == 501


def test_a_route_learns_who_asks(server: management.Server) -> None:
    answer = httpx.post(url(server, "/who"), headers={"X-Drain-Token": "word"})
    assert answer.json() == {"status": "local=True token=word"}


@pytest.mark.parametrize(
    ("host", "local"),
    [("127.0.0.1", True), ("::1", True), ("::ffff:127.0.0.1", True), ("127.0.0.6", False), ("172.17.0.1", False)],
)
def test_only_loopback_is_local(host: str, local: bool) -> None:
    assert management._is_local(host) is local


def test_idle_connections_are_bounded_and_probes_are_answered_afterwards(server: management.Server) -> None:
    with ExitStack() as idle:
        for _ in range(management._CONNECTIONS):
            idle.enter_context(socket.create_connection(("127.0.0.1", server.server_address[1]), timeout=30))
        # One more is closed at once, or reset: it never waits for an answer.
        with pytest.raises(httpx.TransportError):
            httpx.get(url(server, "/yes"), timeout=30)

    def answered() -> bool:
        try:
            return httpx.get(url(server, "/yes"), timeout=30).status_code == 200
        except httpx.TransportError:
            return False

    wait_until("an answer once the idle connections are gone", answered, 30)


def test_a_request_that_trickles_is_cut_off(server: management.Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(management, "_REQUEST_SECONDS", 0.1)
    with socket.create_connection(("127.0.0.1", server.server_address[1]), timeout=30) as client:
        client.sendall(b"GET /yes HT")
        assert client.recv(100) == b""


def test_a_route_may_have_more_time_than_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(management, "_REQUEST_SECONDS", 0.2)
    late = threading.Event()

    def slow(_: management.Request) -> Answer:
        late.wait(1)
        return Answer.state(200, "late")

    routes: dict[tuple[str, str], management.Route] = {("GET", "/patient"): slow, ("GET", "/other"): slow}
    with serving(routes, {"/patient": 30}) as server:
        assert httpx.get(url(server, "/patient?x=1")).json() == {"status": "late"}
        with pytest.raises(httpx.TransportError):
            httpx.get(url(server, "/other"))


def test_a_file_is_sent_whole(tmp_path: Path) -> None:
    path = tmp_path / "large"
    path.write_bytes(os.urandom(5_000_000))
    with path.open("rb") as file, serving({("GET", "/file"): lambda _: Answer(200, file, "text/plain")}) as server:
        for _ in range(2):
            assert httpx.get(url(server, "/file")).content == path.read_bytes()
        assert httpx.head(url(server, "/file")).headers["content-length"] == "5000000"
