"""The commands of README.md, typed in their order as they stand there, but for the image and the host's ports."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import docker
import httpx
import pytest
import yaml

from tests.quickstart.test_make_run import free_port
from tests.support import postgres
from tests.support.document import blocks
from tests.support.lab import Lab, wait_until

PAGE = "README.md"
SECONDS = 300
KEY = "sk-0123456789abcdef0123456789abcdef"
# Where a block is executed, by how it begins.
ELSEWHERE = {
    "make run": "the verbs: tests/quickstart, and CI itself",
    "FROM slipway:dev-builder": "tests/image/test_builder.py",
    "make verify-release": "tests/release/test_release.py",
}
HERE = (
    "export LITELLM_MASTER_KEY", "export DATABASE_URL", "docker run --rm -v", "docker run --rm --network none",
    "docker run --rm -e DATABASE_URL",
)  # fmt: skip


@dataclass(frozen=True)
class Shell:
    """A folder where a reader types."""

    folder: Path
    image: str
    port: int

    def text(self, block: str) -> str:
        return block.replace("slipway:dev", self.image).replace("127.0.0.1:4000:", f"127.0.0.1:{self.port}:")

    def run(self, block: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-ec", self.text(block)], cwd=self.folder, env={**os.environ, **variables}, timeout=SECONDS,
            check=False, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip


@pytest.fixture(scope="module")
def shell(image: str, directory: Path) -> Shell:
    return Shell(directory, image, free_port())


def block(beginning: str) -> str:
    (found,) = [text for text in blocks(PAGE) if text.startswith(beginning)]
    return found


def test_every_block_is_executed_somewhere() -> None:
    known = (*ELSEWHERE, *HERE)
    assert [text for text in blocks(PAGE) if not text.startswith(known)] == []
    assert [begin for begin in known if not any(text.startswith(begin) for text in blocks(PAGE))] == []


@pytest.fixture(scope="module")
def started(shell: Shell) -> Iterator[Shell]:
    """The first gateway of a reader, in the foreground."""
    words = ["bash", "-ec", shell.text(block("export LITELLM_MASTER_KEY"))]
    variables = {**os.environ, "OPENAI_API_KEY": "not-asked"}
    with subprocess.Popen(words, cwd=shell.folder, env=variables, start_new_session=True) as process:
        try:
            yield shell
        finally:
            # What a reader's Ctrl-C does: the client hands it on, and the container ends by itself.
            subprocess.run(["pkill", "-INT", "-g", str(process.pid), "docker"], check=True)
            assert process.wait(SECONDS) == 0
            # It was not asked to go by itself.
            left = shell.run(f"docker ps --all --quiet --filter volume={shell.folder}/config.yaml | xargs docker rm")
            assert left.returncode == 0, left.stdout


def test_the_first_gateway_is_up(started: Shell) -> None:
    def alive() -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{started.port}/health/liveliness", timeout=5).status_code == 200
        except httpx.TransportError:
            return False

    wait_until("the gateway of the README", alive, 120)
    assert yaml.safe_load((started.folder / "config.yaml").read_text())["model_list"][0]["model_name"] == "gpt"


def test_the_check_of_a_pipeline_passes(started: Shell) -> None:
    done = started.run(block("docker run --rm -v"))
    assert done.returncode == 0, done.stdout
    assert "OPENAI_API_KEY" in done.stdout


def test_the_hosts_are_listed(started: Shell) -> None:
    done = started.run(block("docker run --rm --network none"))
    assert done.returncode == 0, done.stdout
    assert "api.openai.com:443" in done.stdout
    values = yaml.safe_load((started.folder / "egress-values.yaml").read_text())
    assert values["networkPolicy"]["hosts"] == ["api.openai.com"]


def test_a_database_and_its_salt_key(shell: Shell, client: docker.DockerClient, image: str) -> None:
    """The block that names a database, with its dots filled in; then the one that changes its salt key."""
    with Lab(client, image) as lab:
        server = postgres.start(lab, lab.network())
        # Where `docker run` puts a container of whom nobody says anything else.
        client.networks.get("bridge").connect(server.box.container)
        server.sql("CREATE DATABASE gateway")
        url = server.url("gateway").replace(f"@{postgres.ALIAS}", f"@{server.box.address('bridge')}")
        (shell.folder / "keys").mkdir(mode=0o755)
        for name, key in (("old", KEY), ("new", KEY[::-1].replace("-ks", ""))):
            (shell.folder / "keys" / name).write_text(key if name == "old" else f"sk-{key}")
        export, run = block("export DATABASE_URL").splitlines()
        assert re.fullmatch(r"export DATABASE_URL=\S+ LITELLM_SALT_KEY=.*", export)
        migrate = run.replace("…", "--rm -e LITELLM_MASTER_KEY", 1).replace("…", "", 1)
        migrate = migrate.replace("--config /app/config.yaml", "migrate")
        done = shell.run(migrate, DATABASE_URL=url, LITELLM_SALT_KEY=KEY, LITELLM_MASTER_KEY=KEY)
        assert done.returncode == 0, done.stdout
        rotated = shell.run(block("docker run --rm -e DATABASE_URL"), DATABASE_URL=url, LITELLM_MASTER_KEY=KEY)
        assert rotated.returncode == 0, rotated.stdout
