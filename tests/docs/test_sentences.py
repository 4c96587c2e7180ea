"""The commands that sentences quote in README.md and on the pages of places: where each is executed.

Those of docs/runbooks are executed by test_runbooks.py.
"""

from __future__ import annotations

import os
import re
import subprocess

import pytest

from tests.support.document import ROOT, in_sentences

PAGES = ("README.md", "docs/compose.md", "docs/systemd.md", "docs/capacity.md", "helm/slipway/README.md")
PROGRAMS = ("make", "sh", "docker", "slipway", "systemctl", "helm", "kubectl", "uv", "podman", "journalctl")
# A word of a sentence, not yet a command.
NAMES = {
    "docker run", "docker compose", "docker compose up", "docker kill -s HUP", "slipway", "slipway …", "helm test",
    "helm upgrade", "kubectl rollout restart",
}  # fmt: skip
# Where one is executed, and by what words there.
EXECUTED = {
    "make run": ("tests/quickstart/test_make_run.py", 'make("run")'),
    "make run WITH=observability": ("tests/quickstart/test_make_run.py", 'WITH="observability"'),
    "make install": ("tests/systemd/test_unit.py", 'startswith("make")'),
    "uv pip compile --generate-hashes --python-version 3.13 requirements.in -o requirements.txt":
        ("tests/image/test_builder.py", 'sentence("uv pip compile")'),
    "DOCKER_BUILDKIT=1 docker build -t my-gateway .":
        ("tests/image/test_builder.py", 'sentence("DOCKER_BUILDKIT=1 docker build")'),
    "docker exec NAME slipway healthcheck": ("tests/docs/test_runbooks.py", "quoted()"),
    "docker exec NAME slipway reload": ("tests/docs/test_runbooks.py", "quoted()"),
    "slipway drain": ("tests/scenarios/test_drain.py", '["slipway", "drain"]'),
    "slipway check": ("tests/chart/test_pods.py", "test_the_check_of_helm_test_finds_nothing_wrong"),
    "slipway salt rotate": ("tests/database/test_salt_rotation.py", "rotate(site, database, files)"),
    "systemctl start": ("tests/systemd/test_unit.py", 'blocks(PAGE, "Install")'),
    "systemctl status slipway": ("tests/systemd/test_unit.py", "systemctl status slipway"),
    "systemctl restart slipway": ("tests/systemd/test_unit.py", "systemctl restart slipway"),
}  # fmt: skip
# Made of images by the shell: CI runs the same lines through `make test`, or they take longer than CI has.
BUILT = ("make ", "sh docker/build.sh")


def bare(text: str) -> str:
    """A command without the variables before it."""
    return re.sub(r"^([A-Z0-9_]+=\S+ )+", "", text)


def quoted() -> list[str]:
    found = {text for page in PAGES for text in in_sentences(page) if bare(text).split()[0] in PROGRAMS}
    return sorted(found)


def built() -> list[str]:
    return [text for text in quoted() if bare(text).startswith(BUILT) and text not in EXECUTED]


def test_every_command_of_a_sentence_is_executed_somewhere() -> None:
    known = {*NAMES, *EXECUTED}
    assert set(quoted()) - set(built()) == known
    assert [path for path, words in EXECUTED.values() if words not in (ROOT / path).read_text()] == []


@pytest.mark.parametrize("command", built())
def test_a_verb_of_a_sentence_exists(command: str) -> None:
    """What make would do, and the targets that the script of images is given."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    if command.startswith("sh "):
        _, script, *targets = command.split()
        text = (ROOT / script).read_text()
        assert [target for target in targets if not re.search(rf"\b{target}\b", text)] == []
        return
    done = subprocess.run(
        ["bash", "-ec", command.replace("make ", "make --dry-run ")], cwd=ROOT, env=environment, timeout=60,
        check=False, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
