"""A PgBouncer between the gateways of a test and their PostgreSQL, under the name `pgbouncer`."""

from __future__ import annotations

from pathlib import Path

import pytest
from docker.errors import ImageNotFound

from tests.support.lab import Lab, Spec, hardened, wait_until
from tests.support.postgres import ALIAS as SERVER
from tests.support.postgres import PORT as SERVER_PORT
from tests.support.postgres import USER, Postgres

IMAGE = "slipway-pgbouncer:latest"
ALIAS = "pgbouncer"
PORT = 6432
FOLDER = "/etc/pgbouncer"
# What it needs to run, and nothing to make it more tolerant than a new installation.
SETTINGS = f"""
[databases]
* = host={SERVER} port={SERVER_PORT}
[pgbouncer]
listen_addr = *
listen_port = {PORT}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {FOLDER}/users.txt
pool_mode = """


def start(lab: Lab, network: str, postgres: Postgres, directory: Path, mode: str) -> str:
    """Start it in pool mode `mode` and return the URL, of the superuser, that ends where a database's name begins."""
    try:
        lab.client.images.get(IMAGE)
    except ImageNotFound:
        pytest.fail(f"the image {IMAGE} does not exist: sh docker/build.sh pgbouncer", pytrace=False)
    (directory / "pgbouncer.ini").write_text(f"{SETTINGS}{mode}\n")
    (directory / "users.txt").write_text(f'"{USER}" "{postgres.password}"\n')
    files = {f"{FOLDER}/{name}": directory / name for name in ("pgbouncer.ini", "users.txt")}
    command = ("pgbouncer", f"{FOLDER}/pgbouncer.ini")
    switches = {**hardened(()), "image": IMAGE, "network": network, "alias": ALIAS}
    box = lab.start(Spec(command=command, files=files, **switches))  # type: ignore[arg-type]
    wait_until("PgBouncer", lambda: "process up" in box.logs() or not box.running)
    assert box.running, box.logs()
    return f"postgresql://{USER}:{postgres.password}@{ALIAS}:{PORT}/"
