"""The images of other lines: each patch and fast path holds there or is left out with its reason, and they serve."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from slipway.patches import PATCHES
from slipway.runtime.changes import IN_PROCESS
from tests.support import gateway
from tests.support.lab import Lab, Spec
from tests.upgrade.conftest import line_image
from tests.upgrade.lines import OTHERS

# What each says when it does not fit; anything else would be a failure that nobody planned.
REFUSALS = ("is not as expected", "has changed", "has no attribute", "No such file")


@pytest.fixture(scope="module", params=OTHERS)
def line(request: pytest.FixtureRequest, client: docker.DockerClient, image: str) -> Iterator[Lab]:
    with Lab(client, line_image(client, image, request.param)) as lab:
        yield lab


def left_out(lab: Lab) -> dict[str, str]:
    """Which changes the image was built without, and why."""
    done = lab.once(Spec(command=("explain", "--format", "json"), env=gateway.environment()))
    patches = json.loads(done.stdout)["patches"]
    assert {each["name"] for each in patches} == {change.name for change in (*PATCHES, *IN_PROCESS)}
    return {each["name"]: each["why"] for each in patches if each["state"] == "left out"}


def test_it_is_another_release(line: Lab, lab: Lab) -> None:
    code = "import importlib.metadata; print(importlib.metadata.version('litellm'))"
    asked = Spec(entrypoint=("python", "-c", code))
    assert line.once(asked).stdout != lab.once(asked).stdout


def test_what_is_left_out_says_why(line: Lab) -> None:
    for name, why in left_out(line).items():
        assert any(words in why for words in REFUSALS), f"{name}: {why}"


def test_the_image_that_is_released_leaves_nothing_out(lab: Lab) -> None:
    assert left_out(lab) == {}


def test_a_gateway_of_it_answers_and_names_what_is_left_out(line: Lab, directory: Path) -> None:
    missing = left_out(line)
    running = gateway.start(line, directory, network=line.network())
    assert running.ask() == "mocked answer"
    log = running.box.logs()
    for path in IN_PROCESS:
        assert (f"fast path left out: {path.name}" in log) == (path.name in missing), log
