"""The commands of docs/runbooks, as an operator types them who has mended what the page is about.

What a page leaves open is filled in: `…` with the options of a gateway, names in capitals with its own.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import docker
import pytest

from tests.support import gateway, postgres
from tests.support.document import ROOT, blocks, in_sentences
from tests.support.lab import Lab
from tests.support.outside import make_certificate

COMMANDS = (
    "docker", "curl", "openssl", "psql", "python3", "chgrp", "createdb", "ss", "export", "sudo", "head", "SELECT",
    "GRANT", "REASSIGN",
)  # fmt: skip
# What a page shows, and nobody types.
SHOWN = ("slipway:", "model_list:", "general_settings:")
ELSEWHERE = {
    "sudo timedatectl": "sets the clock of the machine",
    "docker run --rm -e DATABASE_URL … IMAGE migrate --rolled-back": "tests/prisma/test_resolve_and_status.py",
}
# What sentences quote, and is no command yet, or one that wants another machine than the operator's.
QUOTED_ELSEWHERE = {
    "docker inspect": "a name", "docker stop": "a name", "docker exec NAME python": "the beginning of one",
    "docker run --ulimit nofile=65536:65536": "a flag", "docker run IMAGE python …": "one of a reader's own",
    'docker run -v "$PWD/key:/run/secrets/key:ro"': "a flag",
    "docker run --rm … IMAGE egress --format systemd …": "asks a resolver: tests/image/test_egress.py",
    'docker run --rm -v "$PWD/old:/keys/old:ro" … IMAGE salt rotate --from-file /keys/old --to-file /keys/new':
        "no gateway may run: tests/database/test_salt_rotation.py",
}  # fmt: skip
SECONDS = 120
SALT = "sk-0123456789abcdef0123456789abcdef"
MOUNTED = '-v "$PWD/config.yaml:/app/config.yaml:ro"'
GIVEN = "-e DATABASE_URL -e LITELLM_MASTER_KEY -e LITELLM_SALT_KEY -e PROVIDER_KEY -e SLIPWAY_METRICS_AUTH=off"
# How it is where the page begins.
BEFORE = {"config-directory": "rm config.yaml; mkdir config.yaml; docker create --name NAME IMAGE"}
# What a page's command looks at, which others have not set.
MORE = {
    "gunicorn-arguments": "-e NUM_WORKERS=2 -e GUNICORN_CMD_ARGS=--workers=3",
    "tls-half": '-v "$PWD/tls.crt:/tls/tls.crt:ro" -e SSL_CERTFILE_PATH=/tls/tls.crt -e SSL_KEYFILE_PATH=/tls/tls.crt',
    "server-cannot": "-e SLIPWAY_SERVER=granian",
}
PLACEHOLDERS = {
    "hook-module-missing": {"NAME": "json"},
    "hook-function-missing": {"NAME": "json", "FUNCTION": "loads"},
    "package-missing": {"PACKAGE": "litellm"},
    "provider-key-unset": {"-e NAME": "-e PROVIDER_KEY"},
    "reference-unset": {"-e NAME": "-e PROVIDER_KEY"},
    "setting-invalid": {"NAME": "NUM_WORKERS"},
    "database-encoding": {"NAME": "another"},
    "migration-rights": {"ROLE": "postgres", "OTHER": "other"},
    "tls-ciphers": {"CIPHERS": "HIGH"},
}
FLAGS = f"--config {gateway.CONFIG_PATH}"


def typed(page: str) -> list[str]:
    """The blocks of a page that an operator types."""
    return [block for block in blocks(f"docs/runbooks/{page}.md") if block.split()[0] in COMMANDS]


def quoted() -> dict[str, str]:
    """Docker's commands that sentences quote, with the first page that does."""
    found: dict[str, str] = {}
    for path in sorted((ROOT / "docs/runbooks").glob("*.md")):
        for text in in_sentences(f"docs/runbooks/{path.name}"):
            if text.startswith("docker ") and text not in QUOTED_ELSEWHERE:
                found.setdefault(text, path.stem)
    return found


PAGES = [path.stem for path in sorted((ROOT / "docs/runbooks").glob("*.md")) if typed(path.stem)]


def test_every_block_is_one_to_type_or_to_read() -> None:
    found = [block for path in (ROOT / "docs/runbooks").glob("*.md") for block in blocks(f"docs/runbooks/{path.name}")]
    assert [block for block in found if block.split()[0] not in (*COMMANDS, *SHOWN)] == []


@dataclass(frozen=True)
class Operator:
    """Somebody with a gateway that runs, its database, its files, and a shell."""

    folder: Path
    image: str
    server: postgres.Postgres
    running: gateway.Gateway
    variables: dict[str, str]
    # Many pages end with the same command; it is asked once.
    asked: dict[str, subprocess.CompletedProcess[str]] = field(default_factory=dict)

    def fill(self, page: str, block: str) -> str:
        """A block without anything left open."""
        mounted = "" if "/app/config.yaml:ro" in block else MOUNTED
        text = re.sub(r"…(?=.* IMAGE)", f"--rm {mounted} {GIVEN} {MORE.get(page, '')}", block)
        text = text.replace("…", FLAGS)
        name = f"{self.running.box.name}-before" if page in BEFORE else self.running.box.name
        # Those of the page go before its general ones.
        named = [
            *PLACEHOLDERS.get(page, {}).items(),
            ("NAME", name),
            ("FILE", gateway.CONFIG_PATH),
            ("IMAGE", self.image),
        ]
        for old, new in named:
            text = re.sub(rf"(?<!\w){re.escape(old)}\b", new, text)
        port = self.running.box.port
        text = text.replace("HOST:4001", f"127.0.0.1:{port(4001)}").replace(":4000", f":{port(4000)}")
        # A gateway that would go on, ended once it is ready.
        if f"{self.image} {FLAGS}" in text:
            name = f"{self.running.box.name}-{page}"
            text = text.replace("docker run", f"docker run --detach --name {name} -e SLIPWAY_SETTLE_SECONDS=0")
            text += f"; timeout 60 sh -c 'until docker exec {name} slipway healthcheck; do :; done'; docker stop {name}"
        return text

    def shell(self, text: str, folder: Path) -> subprocess.CompletedProcess[str]:
        """Run it, with PostgreSQL's commands where they are: in its container."""
        inside = f"docker exec -i -e PGUSER -e PGPASSWORD {self.server.box.name}"
        functions = "".join(f'{name}() {{ {inside} {name} "$@"; }}\n' for name in ("psql", "createdb"))
        return subprocess.run(
            ["bash", "-ec", f"{functions}{text}"], cwd=folder, env={**os.environ, **self.variables}, timeout=SECONDS,
            check=False, text=True, input="a password", stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip


@pytest.fixture(scope="module")
def operator(client: docker.DockerClient, image: str, directory: Path) -> Iterator[Operator]:
    with Lab(client, image) as lab:
        network = lab.network()
        server = postgres.start(lab, network)
        # Where `docker run` puts a container of whom nobody says anything else.
        client.networks.get("bridge").connect(server.box.container)
        server.sql("CREATE DATABASE gateway")
        server.sql("CREATE ROLE other")
        url = server.url("gateway").replace(f"@{postgres.ALIAS}", f"@{server.box.address('bridge')}")
        folder = directory / "operator"
        (folder / "keys").mkdir(parents=True, mode=0o755)
        for name in ("old", "older"):
            gateway.write(folder / "keys", name, SALT)
        gateway.write(folder, "EXAMPLE", gateway.CONFIG)
        gateway.write(folder, "config.yaml", gateway.CONFIG)
        gateway.write(folder, "metrics-token", "0123456789abcdef")
        make_certificate(folder)
        for made, name in (("certificate.pem", "tls.crt"), ("key.pem", "tls.key")):
            (folder / made).rename(folder / name)
        secret = {"LITELLM_SALT_KEY": SALT, "DATABASE_URL": server.url("gateway")}
        running = gateway.start(lab, directory, env=secret, network=network)
        yield Operator(
            folder, image, server, running,
            {
                **gateway.environment(), "LITELLM_SALT_KEY": SALT, "DATABASE_URL": url, "DIRECT_URL": url,
                "PGUSER": postgres.USER, "PGPASSWORD": server.password,
                "PATH": f"{ROOT}/.venv/bin:{os.environ['PATH']}",
            },
        )  # fmt: skip


@pytest.mark.parametrize("page", PAGES)
def test_the_commands_of_a_page_are_right(operator: Operator, page: str, tmp_path: Path) -> None:
    folder = shutil.copytree(operator.folder, tmp_path / "operator")
    if page in BEFORE:
        assert operator.shell(operator.fill(page, BEFORE[page]), folder).returncode == 0
    for block in typed(page):
        if block.startswith(tuple(ELSEWHERE)):
            continue
        filled = operator.fill(page, block)
        if block.split()[0] in ("SELECT", "GRANT", "REASSIGN"):
            operator.server.sql(filled, "gateway")
            continue
        lines = [line for line in filled.splitlines() if line.split()[0] in COMMANDS]
        done = operator.asked.get(filled) or operator.shell("\n".join(lines), folder)
        operator.asked[filled] = done
        assert done.returncode == 0, f"{filled}\n{done.stdout}"
        shown = [line for line in filled.splitlines() if line not in lines]
        assert [line for line in shown if line not in done.stdout] == [], done.stdout
        # That is how it shows that what the page is about has gone.
        assert f"[{page}]" not in done.stdout


@pytest.mark.parametrize("command", quoted())
def test_a_command_in_a_sentence_is_right(operator: Operator, command: str) -> None:
    done = operator.shell(operator.fill(quoted()[command], command), operator.folder)
    assert done.returncode == 0, done.stdout
