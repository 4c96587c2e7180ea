"""A PostgreSQL beside the gateways of a test: on their network, under the name `postgres`."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from docker.errors import ImageNotFound
from docker.utils.socket import consume_socket_output, demux_adaptor, frames_iter

from tests.support.lab import Box, Lab, Spec, StoppedEarly, hardened, wait_until

ALIAS = "postgres"
PORT = 5432
USER = "postgres"
READY_SECONDS = 60
WRITABLE = ("/tmp", "/run/postgresql")
# The server wants a key that only its own user can read, which a mount from the host cannot promise.
_WITH_TLS = 'cp /tls/server.* /tmp/ && chmod 0600 /tmp/server.* && exec entrypoint.sh "$@"'


@dataclass(frozen=True)
class Postgres:
    """A server and the password of its superuser."""

    box: Box
    password: str

    def url(self, database: str, *, user: str = USER, password: str | None = None) -> str:
        """The address of a database, for containers on the same network."""
        secret = self.password if password is None else password
        return f"postgresql://{quote(user, '')}:{quote(secret, '')}@{ALIAS}:{PORT}/{quote(database, '')}"

    def sql(self, text: str, database: str = "postgres") -> str:
        """What psql prints for `text`: rows as lines, columns with | between them, nothing else."""
        return self._run(("psql", "-X", "-At", "-q", "-v", "ON_ERROR_STOP=1", "-d", database), text)

    def exec(self, *argv: str) -> str:
        """What a command in the container prints; it reaches the server without further options."""
        return self._run(argv, "")

    def _run(self, argv: tuple[str, ...], text: str) -> str:
        container = self.box.container
        assert container.client is not None
        api = container.client.api
        environment = {"PGHOST": "127.0.0.1", "PGUSER": USER, "PGPASSWORD": self.password}
        made = api.exec_create(container.id, list(argv), stdin=True, environment=environment)
        stream: Any = api.exec_start(made["Id"], socket=True)
        raw: socket.socket = stream._sock
        raw.sendall(text.encode())
        raw.shutdown(socket.SHUT_WR)
        frames = (demux_adaptor(*frame) for frame in frames_iter(stream, tty=False))  # type: ignore[no-untyped-call]
        out, err = consume_socket_output(frames, demux=True)
        stream.close()
        assert api.exec_inspect(made["Id"])["ExitCode"] == 0, (err or out or b"").decode()
        return (out or b"").decode().removesuffix("\n")

    def stop(self) -> None:
        """End the server the way an operator does; its data stays."""
        self.box.container.stop(timeout=30)

    def kill(self) -> None:
        """End the server without a warning."""
        self.box.container.kill()
        self.box.wait()

    def start(self) -> None:
        """Start a server that was ended, and wait until it answers."""
        self.box.container.start()
        self.wait()

    def restart(self) -> None:
        """Stop, start and wait until it answers."""
        self.stop()
        self.start()

    def wait(self) -> None:
        """Wait until the server accepts connections; one that ended fails the test with its log."""

        def answers() -> bool:
            if not self.box.running:
                raise StoppedEarly(f"PostgreSQL ended with {self.box.state['ExitCode']}; log:\n{self.box.logs()}")
            return self.box.exec(["pg_isready", "-q", "-h", "127.0.0.1"]).code == 0

        wait_until(f"PostgreSQL; its log: {self.box.logs()}", answers, READY_SECONDS)


def image(lab: Lab, version: int) -> str:
    """The image's name. Fails the test with the command that builds it when it does not exist."""
    name = f"slipway-postgres:{version}"
    try:
        lab.client.images.get(name)
    except ImageNotFound:
        pytest.fail(f"the image {name} does not exist: sh docker/build.sh postgres-{version}", pytrace=False)
    return name


def start(
    lab: Lab,
    network: str,
    version: int = 17,
    *,
    settings: Mapping[str, str] | None = None,
    tls: Path | None = None,
    alias: str = ALIAS,
) -> Postgres:
    """Start PostgreSQL 15 or 17 on `network` and wait until it answers.

    `settings` are the server's own, such as max_connections. `tls` is a folder with server.key and server.crt; the
    server then offers TLS. `alias` is its name on the network, for a second one; `url` keeps to the first.
    """
    password = secrets.token_hex(24)
    options = dict(settings or {})
    files: dict[str, Path] = {}
    before: tuple[str, ...] = ()
    if tls:
        files = {f"/tls/{name}": tls / name for name in ("server.key", "server.crt")}
        options |= {"ssl": "on", "ssl_key_file": "/tmp/server.key", "ssl_cert_file": "/tmp/server.crt"}
        before = ("sh", "-c", _WITH_TLS, "sh", "postgres")
    arguments = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
    switches = {**hardened(WRITABLE), "user": None}
    spec = Spec(
        image=image(lab, version), command=(*before, *arguments), files=files, env={"POSTGRES_PASSWORD": password},
        network=network, alias=alias, **switches,  # type: ignore[arg-type]
    )  # fmt: skip
    postgres = Postgres(lab.start(spec), password)
    postgres.wait()
    return postgres
