"""Starts worker.py and talks to it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
SCRIPT = "tests.engine.suite.worker"
# What begins the worker's own lines; the engine writes to the same output.
ANSWER = "> "
SECRET = "c0nfidential"
# Queries that fail, in every stage, with SECRET in their text.
FAILURES = (
    f'mutation {{ createOneUser(data: {{email: "{SECRET}"}}) {{ id }} }}',
    f'mutation {{ createOneUser(data: {{name: "x", {SECRET}: 1}}) {{ id }} }}',
    f'mutation {{ createOneUser(data: {{name: "{SECRET}" {{ id }} }}',
    f'mutation {{ createOnePost(data: {{title: "{SECRET}", author_id: "{SECRET}"}}) {{ id }} }}',
    f'mutation {{ createOneNatives(data: {{varchar_: "{SECRET}{SECRET}"}}) {{ id }} }}',
    f'mutation {{ queryRaw(query: "SELECT \'{SECRET}\'::int", parameters: "[]") }}',
    f'mutation {{ queryRaw(query: "SELECT $1::int", parameters: "[\\"{SECRET}\\"]") }}',
    f'mutation {{ executeRaw(query: "INSERT INTO {SECRET} VALUES (1)", parameters: "[]") }}',
)


class Worker:
    """A process in a session of its own, with an engine."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed in close()
        self.process = subprocess.Popen(
            [sys.executable, "-m", SCRIPT],
            env=os.environ | environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            cwd=ROOT,
            start_new_session=True,
        )
        self.output = ""
        self.engine = int(self._answer())

    def tell(self, word: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{word}\n")
        self.process.stdin.flush()

    def ask(self, word: str) -> str:
        self.tell(word)
        return self._answer()

    def _answer(self) -> str:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.output += line
            if line.startswith(ANSWER):
                return line.removeprefix(ANSWER).strip()
        raise AssertionError(f"the worker ended: {self.errors()}")

    def errors(self) -> str:
        """Its standard error so far, which is its engine's as well."""
        self._errors.seek(0)
        return self._errors.read()

    def signal_group(self, number: signal.Signals) -> None:
        os.killpg(self.process.pid, number)

    def close(self) -> None:
        for pid in (self.process.pid, getattr(self, "engine", None)):
            with suppress(ProcessLookupError):
                if pid is not None:
                    os.kill(pid, signal.SIGKILL)
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self._errors):
            if stream is not None:
                with suppress(BrokenPipeError):
                    stream.close()


@contextmanager
def worker(url: str, schema: str, **environment: str) -> Iterator[Worker]:
    """A worker whose engine connects to `url`, with the data model in the file `schema`."""
    started = Worker({"DATABASE_URL": url, "PRISMA_DML_PATH": schema} | environment)
    try:
        yield started
    finally:
        started.close()
