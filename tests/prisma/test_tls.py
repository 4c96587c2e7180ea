"""TLS to the database, by Prisma's parameters of the URL."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.prisma.tool import PROJECTS, Done, Tool
from tests.support import postgres
from tests.support.lab import Lab, Spec
from tests.support.postgres import ALIAS, Postgres

MAKE_KEY = f"""
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN={ALIAS} \
  -addext subjectAltName=DNS:{ALIAS} -keyout /tmp/key -out /tmp/certificate 2>/dev/null \
  && cat /tmp/key /tmp/certificate
"""
PROOF = {"1_proof": "CREATE TABLE proof AS SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"}


@pytest.fixture(scope="module")
def authority(module_lab: Lab, directory: Path) -> Path:
    """A folder with the server's key and its self-signed certificate, which so is its own authority."""
    made = module_lab.once(Spec(command=("sh", "-c", MAKE_KEY)))
    assert made.code == 0, made.output
    key, mark, certificate = made.stdout.partition("-----BEGIN CERTIFICATE-----")
    (directory / "server.key").write_text(key)
    (directory / "server.crt").write_text(mark + certificate)
    for path in (directory / "server.key", directory / "server.crt"):
        path.chmod(0o644)
    return directory


@pytest.fixture(scope="module")
def server(module_lab: Lab, internal: str, authority: Path) -> Postgres:
    return postgres.start(module_lab, internal, tls=authority)


@pytest.mark.parametrize(
    ("parameters", "encrypted"),
    [
        ("", True),
        ("sslmode=disable", False),
        ("sslmode=prefer", True),
        ("sslmode=require", True),
        (f"sslmode=require&sslaccept=strict&sslcert={PROJECTS}/server.crt", True),
        (f"sslmode=verify-full&sslcert={PROJECTS}/server.crt", True),
        ("sslmode=require&sslaccept=strict&sslcert=../server.crt", True),
    ],
)
def test_what_the_url_asks_for_is_what_is_used(tool: Tool, server: Postgres, parameters: str, encrypted: bool) -> None:
    done, answer = deployed(tool, server, parameters)

    assert done.code == 0, done.stderr
    assert answer == ("t" if encrypted else "f")


@pytest.mark.parametrize(
    "parameters",
    [
        "sslmode=require&sslaccept=strict",
        "sslmode=verify-full",
        "sslmode=require&sslcert=missing.pem",
    ],
)
def test_what_cannot_be_proven_is_refused(tool: Tool, server: Postgres, parameters: str) -> None:
    done = tool.prisma("migrate", "deploy", cwd=tool.project(PROOF), url=f"{server.url('postgres')}?{parameters}")

    assert done.code == 1
    assert done.stderr.startswith("Error: P1011: Error opening a TLS connection: ")
    assert server.password not in done.stderr


def test_a_name_that_the_certificate_does_not_hold_is_refused(tool: Tool, server: Postgres) -> None:
    address = tool.run(("python", "-c", f"import socket; print(socket.gethostbyname('{ALIAS}'))")).stdout.strip()
    url = server.url("postgres").replace(f"@{ALIAS}:", f"@{address}:")

    parameters = f"sslmode=require&sslaccept=strict&sslcert={PROJECTS}/server.crt"
    done = tool.prisma("migrate", "deploy", cwd=tool.project(PROOF), url=f"{url}?{parameters}")

    assert done.code == 1
    assert "P1011" in done.stderr


def test_a_clients_certificate_opens_with_its_password(tool: Tool, server: Postgres) -> None:
    files = f"-inkey {PROJECTS}/server.key -in {PROJECTS}/server.crt -out /tmp/identity.p12 -passout pass:s3cret"
    made = tool.run(("sh", "-c", f"openssl pkcs12 -export {files}"))
    assert made.code == 0, made.stderr

    right, _ = deployed(tool, server, "sslmode=require&sslidentity=/tmp/identity.p12&sslpassword=s3cret")
    wrong, _ = deployed(tool, server, "sslmode=require&sslidentity=/tmp/identity.p12&sslpassword=0ther")

    assert right.code == 0, right.stderr
    assert wrong.code == 1
    assert wrong.stderr.startswith("Error: P1011: Error opening a TLS connection: ")
    assert "0ther" not in wrong.stderr


def deployed(tool: Tool, server: Postgres, parameters: str) -> tuple[Done, str]:
    """Migrate a new database over such a URL, and whether its session was encrypted (t, f)."""
    name = f"tls_{len(server.sql('SELECT datname FROM pg_database').splitlines())}"
    server.sql(f"CREATE DATABASE {name}")
    done = tool.prisma("migrate", "deploy", cwd=tool.project(PROOF), url=f"{server.url(name)}?{parameters}")
    return done, server.sql("TABLE proof", name) if done.code == 0 else ""
