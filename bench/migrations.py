"""How long the database of LiteLLM takes to be brought to the newest schema.

`migrate_empty`: seconds of one `slipway migrate` on an empty database, and `migrate_noop` on one where nothing is left
to do, whole process each, inside a running container. The other side is psql beside the database: the same scripts,
each sent whole, in one process; then one reading of the ledger. Sides take turns. `prisma` in the detail is the bare
`prisma migrate deploy`, without what `slipway migrate` does before and after it.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator, Sequence
from typing import Any, Final

from bench import record
from bench.gateway import Session
from bench.record import SIDES
from tests.support import postgres
from tests.support.lab import Box, Lab, Spec
from tests.support.postgres import Postgres

TITLE: Final = "Seconds to bring the database to the newest schema (less is better)"
ROWS: Final = ("migrate_empty", "migrate_noop")
OURS: Final = ("/opt/slipway/entrypoint.sh", "migrate")
PRISMA: Final = ("prisma", "migrate", "deploy")
LEDGER: Final = "SELECT * FROM _prisma_migrations"

# Runs inside the container, so that the engine's `exec` is not part of the figure.
TIMER: Final = """
import importlib.util, os, subprocess, sys, time
os.chdir(os.path.dirname(importlib.util.find_spec("litellm_proxy_extras").origin))
began = time.perf_counter()
done = subprocess.run(sys.argv[1:], capture_output=True, text=True)
taken = time.perf_counter() - began
sys.exit(done.stdout + done.stderr) if done.returncode else print(taken)
"""
SCRIPTS: Final = """
import glob, importlib.util, json, os
folder = os.path.dirname(importlib.util.find_spec("litellm_proxy_extras").origin)
print(json.dumps([open(path).read() for path in sorted(glob.glob(f"{folder}/migrations/*/migration.sql"))]))
"""
PSQL_TIMER: Final = 'began=$(date +%s%N); psql -q "$@" >/dev/null; echo $(($(date +%s%N) - began))'


def measure(session: Session, rows: Sequence[str]) -> Iterator[record.Record]:
    with Lab(session.client, session.image) as lab:
        network = lab.network(internal=True)
        server = postgres.start(lab, network)
        box = lab.start(Spec(command=("python", "-c", "import signal; signal.pause()"), network=network))
        scripts = json.loads(box.python(SCRIPTS))
        # Both rows need it: there is nothing left to do only where everything was done.
        for row in ROWS:
            empty = row == "migrate_empty"
            samples: dict[str, list[float]] = {"ours": [], "theirs": [], "prisma": []}
            for turn, sides in enumerate(session.turns()):
                for side in (*sides, "prisma"):
                    database = f"{side}_{turn}" if empty else "ours_0"
                    if empty:
                        server.sql(f"CREATE DATABASE {database}")
                    commands = {"ours": OURS, "prisma": PRISMA}
                    if side in commands:
                        taken = _command(box, commands[side], server.url(database))
                    else:
                        taken = _psql(server, database, scripts if empty else [LEDGER])
                    samples[side].append(taken)
            made = record.of_samples(
                row, "s", {side: samples[side] for side in SIDES}, prisma=statistics.median(samples["prisma"])
            )
            session.say(
                f"{row}: {made['ours']:g} s, psql {made['theirs']:g} s, bare prisma {made['detail']['prisma']:g} s"
            )
            if row in rows:
                yield made


def _command(box: Box, command: Sequence[str], url: str) -> float:
    answer: Any = box.container.exec_run(["python", "-c", TIMER, *command], environment={"DATABASE_URL": url})
    text: str = answer.output.decode(errors="replace")
    if answer.exit_code:
        raise RuntimeError(f"`{' '.join(command)}` failed:\n{text}")
    return float(text.splitlines()[-1])


def _psql(server: Postgres, database: str, scripts: Sequence[str]) -> float:
    options = [word for script in scripts for word in ("-c", script)]
    answer = server.exec("bash", "-c", PSQL_TIMER, "bash", "-d", database, "-v", "ON_ERROR_STOP=1", *options)
    return int(answer.splitlines()[-1]) / 1e9
