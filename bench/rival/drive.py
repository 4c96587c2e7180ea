"""Runs inside the image: measures the query engine beside the bare driver, prints JSON. See bench/engine.py."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any, Final

ENGINE: Final = "/opt/slipway/prisma/query-engine/query-engine"
ENGINE_PORT: Final = 7001
BARE_PORT: Final = 7002
RECORDS: Final = 200
SIXTEEN: Final = 16
MIXED: Final = Path("/tmp/mixed.json")
READS: Final = Path("/tmp/reads.json")

# Apart, for the client's types take hundreds of megabytes.
TEXTS: Final = """
import json, sys
from prisma import Prisma
from prisma.models import LiteLLM_VerificationToken as model
client = Prisma()
def text(token):
    return client._make_query_builder(
        method="find_unique", model=model, arguments={"where": {"token": token}}, root_selection=None
    ).build()
print(json.dumps([text(token) for token in json.loads(sys.argv[1])]))
"""
FOLDERS: Final = """
import importlib.util
from pathlib import Path
place = lambda name: Path(importlib.util.find_spec(name).origin).parent
print(place("prisma") / "schema.prisma", place("litellm_proxy_extras") / "schema.prisma")
"""


def main() -> None:
    seconds, repetitions = int(sys.argv[1]), int(sys.argv[2])
    schema, migrations = printed(sys.executable, "-c", FOLDERS).split()
    os.environ["PRISMA_DML_PATH"] = schema
    subprocess.run(["prisma", "migrate", "deploy", "--schema", migrations], check=True, stdout=subprocess.DEVNULL)
    tokens = [secrets.token_hex(32) for _ in range(RECORDS)]
    fill(tokens)
    texts: list[str] = json.loads(printed(sys.executable, "-c", TEXTS, json.dumps(tokens)))
    READS.write_text(json.dumps(texts))
    # One in ten has no plan and goes through the engine.
    MIXED.write_text(json.dumps([part.replace("findUnique", "findFirst") if n % 10 == 0 else part
                                 for n, part in enumerate(texts)]))  # fmt: skip
    compared = reads(texts[0], statement(texts[0]), seconds, repetitions)
    print(json.dumps({"memory": memory(texts[0]), "reads": compared}))


def printed(*words: str) -> str:
    return subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True).stdout


def fill(tokens: list[str]) -> None:
    """Keys as a gateway has them: two models, a budget, some spend, metadata."""
    import psycopg

    with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
        connection.cursor().executemany(
            'INSERT INTO "LiteLLM_VerificationToken"'
            " (token, key_name, spend, max_budget, models, user_id, metadata, updated_at)"
            " VALUES (%s, 'sk-...', random(), 100, '{gpt,claude}', 'user', '{\"team\": \"a\", \"tags\": [1, 2.5]}',"
            " now())",
            [(token,) for token in tokens],
        )


def start(port: int, *words: str, **variables: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*words], env=os.environ | variables, stderr=subprocess.PIPE if variables else None, text=True
    )


def engine(**variables: str) -> subprocess.Popen[str]:
    words = (ENGINE, "-p", str(ENGINE_PORT), "--enable-metrics", "--enable-raw-queries")
    return start(ENGINE_PORT, *words, **variables)


def ask(port: int, text: str) -> None:
    """One answer, for which a server that still starts gets ten seconds."""
    deadline = time.monotonic() + 10
    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/", data=text.encode()).read()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def statement(text: str) -> str:
    """The SQL of the read, as the engine logs it when it is asked to."""
    process = engine(LOG_QUERIES="y")
    ask(ENGINE_PORT, text)
    process.terminate()
    lines = process.communicate()[1].splitlines()
    (found,) = (str(json.loads(line)["query"]) for line in lines if "LiteLLM_VerificationToken" in line)
    return found


def memory(text: str) -> dict[str, float]:
    """PSS in bytes of an engine that has answered once, and after 100,000 queries over sixteen connections."""
    process = engine()
    ask(ENGINE_PORT, text)
    time.sleep(2)
    idle = pss(process.pid)
    load(ENGINE_PORT, SIXTEEN, "100000", MIXED)
    time.sleep(2)
    used = pss(process.pid)
    process.terminate()
    process.wait()
    return {"idle": idle, "used": used}


def pss(pid: int) -> float:
    (line,) = (row for row in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines() if row.startswith("Pss:"))
    return float(line.split()[1]) * 1024


def reads(text: str, sql: str, seconds: int, repetitions: int) -> dict[str, dict[str, list[float]]]:
    """Microseconds a read of either side, by the number of connections; who goes first alternates."""
    bare = ("node", "/rival/bare.cjs", str(BARE_PORT), str(SIXTEEN), sql)
    sides = {"ours": (ENGINE_PORT, engine()), "theirs": (BARE_PORT, start(BARE_PORT, *bare))}
    samples: dict[str, dict[str, list[float]]] = {}
    for port, _ in sides.values():
        ask(port, text)
        load(port, SIXTEEN, f"{seconds}s", READS)
    for connections in (1, SIXTEEN):
        taken = samples[str(connections)] = {side: [] for side in sides}
        for turn in range(repetitions):
            for side in list(sides)[:: 1 if turn % 2 == 0 else -1]:
                done = load(sides[side][0], connections, f"{seconds}s", READS)
                taken[side].append(done["seconds"] / done["answers"] * 1e6)
    for _, process in sides.values():
        process.terminate()
        process.wait()
    return samples


def load(port: int, connections: int, limit: str, texts: Path) -> dict[str, Any]:
    done: dict[str, Any] = json.loads(
        printed("node", "/rival/load.cjs", str(port), str(connections), limit, str(texts))
    )
    if done["wrong"]:
        raise SystemExit(f"{done['wrong']} of {done['answers']} answers of port {port} hold no record")
    return done


if __name__ == "__main__":
    main()
