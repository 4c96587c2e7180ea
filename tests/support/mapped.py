"""What the gateways of the tests have mapped, compared at the end of a run with the components of their image."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable

from docker.errors import APIError

from sbom import ownership
from sbom.__main__ import components, rules
from sbom.tree import Tree
from tests.support.lab import Box

# What maps and imports lie outside of the image.
OUTSIDE = ("/dev/", "/memfd:", "/proc/", "/run/slipway/", "/tmp/", "/var/lib/slipway/")
_MAPS = """
import json, os
paths = set()
for name in os.listdir("/proc"):
    if name.isdigit():
        try:
            lines = open(f"/proc/{name}/maps").read().splitlines()
        except OSError:
            continue
        paths |= {line.split(None, 5)[5] for line in lines if len(line.split(None, 5)) == 6}
print(json.dumps(sorted(path for path in paths if path.startswith("/"))))
"""


def files(box: Box) -> set[str]:
    """The files that processes of a running container have mapped, and that come with its image."""
    mounted = tuple(str(mount["Destination"]) for mount in box.mounts())
    found: list[str] = json.loads(box.python(_MAPS))
    return {path for path in found if not path.startswith(OUTSIDE + mounted)}


def files_at_the_end(box: Box) -> set[str]:
    """The same of a container that a test is done with: nothing when it has ended or cannot be asked any more."""
    with contextlib.suppress(APIError, AssertionError):
        if box.running:
            return files(box)
    return set()


def nobodys(tree: Tree, paths: Iterable[str]) -> list[str]:
    """Those that belong to no component. A file that was deleted after it was mapped is named so by the kernel."""
    owners = ownership.assign(tree, components(tree, "dev"), rules()["made"]).owners
    return sorted(path for path in paths if tree.real(path.removesuffix(" (deleted)")) not in owners)
