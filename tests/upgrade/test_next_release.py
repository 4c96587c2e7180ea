"""The next LiteLLM that resolves, in an image of its own: each patch and fast path holds there, or says why not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from slipway.patches import PATCHES
from slipway.runtime.changes import IN_PROCESS
from tests.support import gateway
from tests.support.build import extended
from tests.support.lab import Lab, Spec

# What each says when it does not fit; anything else would be a failure that nobody planned.
REFUSALS = ("is not as expected", "has changed", "is not what it was", "No such file")


@pytest.fixture(scope="module")
def following(client: docker.DockerClient, image: str) -> Iterator[Lab]:
    with Lab(client, extended(image, "next", "tests/upgrade/Dockerfile")) as lab:
        yield lab


def report(lab: Lab) -> dict[str, str]:
    done = lab.once(Spec(entrypoint=("cat", "/next/report.json")))
    found: dict[str, str] = json.loads(done.stdout)
    return found


def test_it_is_another_release(following: Lab, lab: Lab) -> None:
    code = "import importlib.metadata; print(importlib.metadata.version('litellm'))"
    asked = Spec(entrypoint=("python", "-c", code))
    assert following.once(asked).stdout != lab.once(asked).stdout


def test_every_patch_holds_or_is_refused_with_its_reason(following: Lab) -> None:
    found = report(following)
    assert set(found) == {change.name for change in (*PATCHES, *IN_PROCESS)} | {"record"}
    for name, told in found.items():
        assert told == "holds" or name == "record" or any(words in told for words in REFUSALS), f"{name}: {told}"
    assert (found["record"] == "holds") == all(found[path.name] == "holds" for path in IN_PROCESS), found["record"]


def test_a_gateway_of_it_answers_and_names_what_is_left_out(following: Lab, directory: Path) -> None:
    found = report(following)
    running = gateway.start(following, directory, network=following.network())
    assert running.ask() == "mocked answer"
    log = running.box.logs()
    for path in IN_PROCESS:
        assert (f"fast path left out: {path.name}" in log) == (found[path.name] != "holds"), log
