"""Workflows do what the Makefile does, with the least rights, by actions whose bytes are named."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
# What is no verb, and why: signing in to the registry, and the page of a release, are the forge's own.
OTHERS = (
    "docker login ghcr.io ",
    "gh release create ",
    "sudo --preserve-env=DEBIAN_MIRROR,DEBIAN_SECURITY_MIRROR .ci/",
)
# The jobs that write anything.
WRITES = {
    ("release", "publish"): {"contents", "id-token", "packages"},
    ("upgrade", "propose"): {"contents", "pull-requests"},
}


def document(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return found


def steps(path: Path) -> list[dict[str, Any]]:
    return [step for job in document(path)["jobs"].values() for step in job["steps"]]


def verbs() -> set[str]:
    return set(re.findall(r"(?m)^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(encoding="utf-8")))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_every_command_is_a_verb(path: Path) -> None:
    for command in (step["run"] for step in steps(path) if "run" in step):
        verb = re.match(r"(?:sudo --preserve-env )?make ([a-z-]+)(?: |$)", command)
        assert command.startswith(OTHERS) or (verb and verb[1] in verbs()), command


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_every_action_is_named_by_its_commit_and_release(path: Path) -> None:
    named = re.findall(r"uses: (.+)", path.read_text(encoding="utf-8"))
    assert len(named) == sum("uses" in step for step in steps(path))
    for name in named:
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", name), name


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_nothing_is_allowed_that_is_not_asked_for(path: Path) -> None:
    found = document(path)
    assert found["permissions"] == {}
    for name, job in found["jobs"].items():
        assert "timeout-minutes" in job, name
        writes = {right for right, level in job["permissions"].items() if level == "write"}
        assert writes == WRITES.get((path.stem, name), set())


def test_what_others_wrote_is_in_no_command() -> None:
    """An expression inside a command is code that whoever opened a pull request may have written."""
    for path in WORKFLOWS:
        assert not [step["run"] for step in steps(path) if "${{" in step.get("run", "")], path.name
