"""A Redis is asked for its version with the image's own client: old, silent, of another password, or not there."""

from __future__ import annotations

import json

import pytest

from tests.support.lab import Lab, Spec

# Speaks as much of Redis' protocol as the question needs; Debian has one version of Redis, and tests need an old one.
SERVER = """
import os, socket, threading
def answer(connection, reply):
    stream = connection.makefile("rb")
    while line := stream.readline():
        words = []
        for _ in range(int(line[1:])):
            words.append(stream.read(int(stream.readline()[1:])))
            stream.readline()
        connection.sendall(reply(words[0].upper()))
def info(version):
    text = f"# Server\\r\\nredis_version:{version}\\r\\n"
    return lambda word: f"${len(text)}\\r\\n{text}\\r\\n".encode() if word == b"INFO" else b"+OK\\r\\n"
def serve(port, reply):
    server = socket.create_server(("127.0.0.1", port))
    while True:
        connection, _ = server.accept()
        threading.Thread(target=answer, args=(connection, reply), daemon=True).start()
replies = (info("6.2.14"), info("7.0.0"), lambda word: b"", lambda word: b"-WRONGPASS no\\r\\n")
for port, reply in zip(range(7000, 7004), replies):
    threading.Thread(target=serve, args=(port, reply), daemon=True).start()
"""
ASK = """
import json, sys, time
sys.path.insert(0, "/opt/slipway/app")
from slipway import settings
from slipway.checks import redis_version
def ask(port):
    began = time.monotonic()
    config = {"router_settings": {"redis_host": "127.0.0.1", "redis_port": port, "redis_password": "sentinel-secret"}}
    found = redis_version.check(settings.resolve({}, {}, config), config, {})
    return [[finding.id, finding.what] for finding in found], time.monotonic() - began
print(json.dumps({port: ask(port) for port in range(7000, 7005)}))
"""
ANSWERS = {
    "7000": ["redis-version"],
    "7001": [],
    "7002": ["redis-unreachable"],
    "7003": ["redis-unreachable"],
    "7004": ["redis-unreachable"],
}


@pytest.fixture(scope="module")
def answers(module_lab: Lab) -> dict[str, tuple[list[tuple[str, str]], float]]:
    done = module_lab.once(Spec(entrypoint=("python", "-c", SERVER + ASK)))
    assert "sentinel" not in done.output
    answers: dict[str, tuple[list[tuple[str, str]], float]] = json.loads(done.stdout)
    return answers


@pytest.mark.parametrize("port", ANSWERS)
def test_a_redis_is_asked_for_its_version(answers: dict[str, tuple[list[tuple[str, str]], float]], port: str) -> None:
    found, seconds = answers[port]
    assert [id for id, _ in found] == ANSWERS[port]
    assert all("router_settings" in what for _, what in found)
    assert seconds < 10
