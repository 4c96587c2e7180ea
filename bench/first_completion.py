"""How long from the start of the container to the first completion, with a database whose schema is current.

Seconds from the engine's record of the start to the first 200 of a completion asked for with the master key. PostgreSQL
17 runs beside it, migrated once before by this image; nothing of the gateway is warm but the page cache, on both sides.
"""

from __future__ import annotations

import json
import secrets
import tempfile
import time
from collections.abc import Iterator, Sequence
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Final

from bench import record
from bench.containers import CONFIG, CONFIG_PATH, PORT
from bench.gateway import FIRST_WORD, LIMIT_SECONDS, POLL_SECONDS, VARIABLES, Session, Shape, instant
from tests.support import postgres
from tests.support.lab import Box, Lab, Spec

TITLE: Final = "Seconds from container start to the first completion, with a database (less is better)"
ROWS: Final = ("first_completion_db",)
QUESTION: Final = json.dumps({"model": "mock", "messages": [{"role": "user", "content": "hello"}]})
MIGRATE_SECONDS: Final = 120


def measure(session: Session, rows: Sequence[str]) -> Iterator[record.Record]:
    samples: dict[record.Side, list[float]] = {"ours": [], "theirs": []}
    with Lab(session.client, session.image) as lab, tempfile.TemporaryDirectory() as directory:
        config = Path(directory) / "config.yaml"
        config.write_text(CONFIG)
        config.chmod(0o644)
        network = lab.network()
        database = postgres.start(lab, network)
        key = f"sk-{secrets.token_hex(24)}"
        variables = {
            "DATABASE_URL": database.url("postgres"),
            "LITELLM_MASTER_KEY": key,
            "LITELLM_SALT_KEY": f"sk-{secrets.token_hex(24)}",
        }
        done = lab.once(Spec(command=("migrate",), env=variables, network=network), MIGRATE_SECONDS)
        if done.code:
            raise RuntimeError(f"the schema could not be made:\n{done.output}")
        for turn in session.turns():
            for side in turn:
                command = FIRST_WORD[side] + Shape(1).arguments
                env = variables | VARIABLES[side]
                box = lab.start(
                    Spec(command=command, env=env, network=network, files={CONFIG_PATH: config}, ports=(PORT,))
                )
                taken = _first_answer(box, key)
                box.container.remove(force=True, v=True)
                session.say(f"first_completion_db {side}: {taken:.2f} s")
                samples[side].append(taken)
    yield record.of_samples(ROWS[0], "s", samples)


def _first_answer(box: Box, key: str) -> float:
    deadline = time.monotonic() + LIMIT_SECONDS
    port = box.port(PORT)
    while not _answers(port, key):
        if time.monotonic() > deadline:
            raise RuntimeError(f"no completion in {LIMIT_SECONDS} s; the log ends:\n{box.logs()[-4000:]}")
        time.sleep(POLL_SECONDS)
    return time.time() - instant(str(box.state["StartedAt"]))


def _answers(port: int, key: str) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=LIMIT_SECONDS)
    try:
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        connection.request("POST", "/chat/completions", QUESTION, headers)
        return connection.getresponse().status == HTTPStatus.OK
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
