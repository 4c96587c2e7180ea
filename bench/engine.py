"""What a read costs through the query engine, and what the engine itself takes.

`engine_reads` and `engine_reads_16`: microseconds a unique read of LiteLLM's table of keys, by the text that
prisma-client-py sends for `find_unique`, over one connection and over sixteen. The other side is the same statement
through the bare `pg` driver behind the engine's own HTTP front, with the same load generator, in the same container and
run; sides take turns. The ratio is the part of the bare driver's rate that the engine reaches.

`engine_pss` and `engine_pss_used`: proportional memory of an engine with LiteLLM's data model that has answered once,
and after 100,000 queries over sixteen connections, of which every tenth has no plan and goes through WebAssembly.

The image is extended by the bare driver and the load generator (bench/rival); PostgreSQL 17 runs beside it.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from bench import record
from bench.gateway import Session
from bench.record import SIDES
from tests.support import postgres
from tests.support.lab import Lab, Spec

TITLE: Final = "Microseconds a unique read, megabytes of an engine (less is better)"
READS: Final = {"engine_reads": "1", "engine_reads_16": "16"}
MEMORY: Final = {"engine_pss": "idle", "engine_pss_used": "used"}
ROWS: Final = (*READS, *MEMORY)
SECONDS: Final = 5
LIMIT_SECONDS: Final = 1200
ROOT: Final = Path(__file__).resolve().parents[1]
CA: Final = "/etc/ssl/certs/ca-certificates.crt"


def measure(session: Session, rows: Sequence[str]) -> Iterator[record.Record]:
    measured = _run(session)
    for row in rows:
        if row in READS:
            samples = {side: measured["reads"][READS[row]][side] for side in SIDES}
            made = record.of_samples(row, "µs", samples)
        else:
            made = record.make(row, "MB", measured["memory"][MEMORY[row]] / 1e6)
        session.say(f"{row}: {made['ours']:g} {made['unit']}")
        yield made


def _run(session: Session) -> dict[str, Any]:
    image = _extended(session.image)
    with Lab(session.client, image) as lab:
        network = lab.network(internal=True)
        database = postgres.start(lab, network)
        variables = {"DATABASE_URL": database.url("postgres")}
        command = (str(SECONDS), str(session.repetitions))
        done = lab.once(Spec(command=command, env=variables, network=network), LIMIT_SECONDS)
    if done.code:
        raise RuntimeError(f"the query engine cannot be measured:\n{done.output[-4000:]}")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def _extended(image: str) -> str:
    """The name of the image with the other side in it; needs IMAGE-prisma, which docker/build.sh builds."""
    name = f"{image}-rival"
    container_engine = subprocess.check_output(["sh", "docker/base/engine.sh"], cwd=ROOT, text=True)
    words = [*shlex.split(container_engine), "build", "--quiet", "--file", "bench/rival/Dockerfile", "--tag", name]
    words += ["--build-arg", f"IMAGE={image}", "--build-arg", f"NPM_REGISTRY={os.environ.get('NPM_REGISTRY', '')}"]
    authorities = os.environ.get("CA_BUNDLE", CA)
    if os.access(authorities, os.R_OK):
        words += ["--secret", f"id=ca,src={authorities}"]
    environment = os.environ | {"DOCKER_BUILDKIT": "1"}
    done = subprocess.run([*words, "."], cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{name} cannot be built (`sh docker/build.sh prisma` first):\n{done.stderr[-4000:]}")
    return name
