"""A worker as a process of its own: starts the engine as the client does, then obeys its standard input.

It speaks HTTP by hand: importing the client takes longer than most tests.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from http.client import HTTPConnection
from typing import Any

from tests.engine.suite.workers import ANSWER, FAILURES

SCHEMA, BINARY = os.environ["PRISMA_DML_PATH"], os.environ["PRISMA_QUERY_ENGINE_BINARY"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Engine:
    def __init__(self) -> None:
        self.port = free_port()
        self.process = subprocess.Popen(
            [BINARY, "-p", str(self.port), "--enable-metrics", "--enable-raw-queries"],
            env=os.environ | {"RUST_LOG": "error", "RUST_LOG_FORMAT": "json", "PRISMA_ENGINE_PROTOCOL": "graphql"},
        )
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            with suppress(OSError):
                self.request("GET", "/status")
                return
            time.sleep(0.02)
        sys.exit("the engine does not answer")

    def request(self, method: str, path: str, body: object = None) -> Any:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request(method, path, None if body is None else json.dumps(body))
        return json.loads(connection.getresponse().read())

    def query(self, text: str) -> Any:
        return self.request("POST", "/", {"query": text, "variables": {}})


def say(word: object) -> None:
    print(f"{ANSWER}{word}", flush=True)


def main() -> None:
    # As a gateway's worker, which drains before it ends.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    engine = Engine()
    say(engine.process.pid)
    for line in sys.stdin:
        match line.strip():
            case "count":
                answer = engine.query("query { result: aggregateUser { _count { _all } } }")
                say(answer["data"]["result"]["_count"]["_all"])
            case "fail":
                say(sum("errors" in engine.query(query) for query in FAILURES))
            case "leave":
                engine.process.send_signal(signal.SIGINT)
                say(engine.process.wait())
            case "vanish":
                os._exit(9)


if __name__ == "__main__":
    main()
