"""A gateway is told to drain: by HTTP, by its own command, by a signal."""

from __future__ import annotations

import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.support import gateway
from tests.support.fake import Provider
from tests.support.gateway import MANAGEMENT_PORT, MASTER_KEY, Gateway
from tests.support.lab import Lab, wait_until

SERVERS = ("uvicorn", "gunicorn", "hypercorn", "granian")
SETTLE_SECONDS = 5
END_SECONDS = 60
# Of seconds in which new connections are served: long enough to ask while they last.
AT_ONCE_SECONDS = 2
TOKEN = secrets.token_hex(16)
_POST = f"""
import urllib.request
request = urllib.request.Request("http://127.0.0.1:{MANAGEMENT_PORT}/drain", method="POST")
print(urllib.request.urlopen(request).status)
"""


def drain(running: Gateway, token: str | None = None) -> httpx.Response:
    """POST /drain from outside the container."""
    headers = {} if token is None else {"X-Drain-Token": token}
    url = f"http://127.0.0.1:{running.box.port(MANAGEMENT_PORT)}/drain"
    return httpx.post(url, headers=headers, timeout=10)


def ask(running: Gateway) -> httpx.Response:
    question = {"model": "mock", "messages": [{"role": "user", "content": "hello"}]}
    headers = {"Authorization": f"Bearer {MASTER_KEY}"}
    return httpx.post(f"{running.url}/v1/chat/completions", headers=headers, json=question, timeout=10)


def assert_settles(running: Gateway, told: float) -> None:
    """Not ready, alive, and new connections are served and closed, all within the settle time."""
    wait_until("readiness off", lambda: running.management("/readyz").status_code == 503, AT_ONCE_SECONDS)
    assert running.management("/livez").status_code == 200
    answer = ask(running)
    assert answer.status_code == 200
    assert answer.headers.get("connection", "").lower() == "close"
    assert time.monotonic() - told < SETTLE_SECONDS, "this machine is too slow for what was to be shown"


@pytest.mark.parametrize("server", SERVERS)
def test_sigterm_settles_then_ends_with_0(lab: Lab, tmp_path: Path, server: str) -> None:
    running = gateway.start(lab, tmp_path, env={"SLIPWAY_SERVER": server})
    assert ask(running).headers.get("connection", "").lower() != "close"
    told = time.monotonic()
    running.box.signal("SIGTERM")
    assert_settles(running, told)
    assert running.box.wait(END_SECONDS) == 0, running.box.logs()
    assert time.monotonic() - told >= SETTLE_SECONDS


def test_drain_from_outside_needs_the_token(lab: Lab, tmp_path: Path) -> None:
    running = gateway.start(lab, tmp_path, env={"DRAIN_ENDPOINT_TOKEN": TOKEN})
    for token in (None, "", TOKEN[:-1]):
        assert drain(running, token).status_code in (401, 403)
    assert running.management("/drain").status_code in (404, 405), "a GET must not drain"
    assert running.management("/readyz").status_code == 200
    told = time.monotonic()
    assert drain(running, TOKEN).is_success
    assert_settles(running, told)
    assert running.box.wait(END_SECONDS) == 0, running.box.logs()


def test_what_is_no_request_to_drain_does_not_drain(lab: Lab, tmp_path: Path) -> None:
    running = gateway.start(lab, tmp_path)
    asked = running.box.exec(["slipway", "drain", "--help"])
    assert (asked.code, "drain the gateway" in asked.output) == (0, True), asked.output
    refused = running.box.exec(["slipway", "drain", "now"])
    assert (refused.code, "takes no arguments" in refused.output) == (64, True), refused.output
    assert "asked to drain" not in running.box.logs()
    assert running.management("/readyz").status_code == 200


def test_without_a_token_nobody_drains_from_outside_but_the_container_itself_does(lab: Lab, tmp_path: Path) -> None:
    running = gateway.start(lab, tmp_path)
    for token in (None, "", "anything"):
        assert drain(running, token).status_code in (401, 403)
    assert running.management("/readyz").status_code == 200
    told = time.monotonic()
    assert running.box.python(_POST).strip() in ("200", "202", "204")
    assert_settles(running, told)
    assert running.box.wait(END_SECONDS) == 0, running.box.logs()


def test_the_command_returns_when_the_requests_are_done(
    lab: Lab, tmp_path: Path, provider: Provider, network: str
) -> None:
    running = gateway.start(lab, tmp_path, network=network)
    word = "drained"
    with ThreadPoolExecutor(2) as pool:
        answer = pool.submit(running.ask, f"provider/chat+hold={word}", "a boat")
        try:
            wait_until("the request at the provider", lambda: provider.holds(word))
            told = time.monotonic()
            command = pool.submit(running.box.exec, ["slipway", "drain"])
            assert_settles(running, told)
            settled = told + 2 * SETTLE_SECONDS
            wait_until("the end of the settle time", lambda: time.monotonic() > settled, 3 * SETTLE_SECONDS)
            assert not command.done(), "it did not wait for the request"
            assert provider.holds(word), "the request was cut off"
        finally:
            provider.release(word)
        assert answer.result(END_SECONDS) == "echo of a boat"
        done = command.result(END_SECONDS)
    assert done.code == 0, done.output
    assert running.box.wait(END_SECONDS) == 0, running.box.logs()


def test_a_second_sigterm_does_not_wait_to_settle(lab: Lab, tmp_path: Path) -> None:
    running = gateway.start(lab, tmp_path, env={"SLIPWAY_SETTLE_SECONDS": "600"})
    running.box.signal("SIGTERM")
    wait_until("readiness off", lambda: running.management("/readyz").status_code == 503, AT_ONCE_SECONDS)
    running.box.signal("SIGTERM")
    assert running.box.wait(END_SECONDS) == 0, running.box.logs()


def test_sigint_does_not_wait_to_settle(lab: Lab, tmp_path: Path) -> None:
    running = gateway.start(lab, tmp_path, env={"SLIPWAY_SETTLE_SECONDS": "600"})
    running.box.signal("SIGINT")
    assert running.box.wait(END_SECONDS) == 0, running.box.logs()
