"""How long a rebuild takes after an edit of the entrypoint, and how much of the image changes.

A copy of the work tree is built once (from the cache where it holds), one line is added to a file of the entrypoint's
package, and `make image` is timed. `rebuild_entrypoint_layers` is the size in MB, compressed, of the layers of the full
image that the edit changed: what a push or pull moves at most. The work tree and slipway:dev stay as they are.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import docker
from docker.errors import ImageNotFound

from bench import layers, record
from bench.gateway import Session

TITLE: Final = "Rebuild after an edit of the entrypoint (less is better)"
ROWS: Final = ("rebuild_entrypoint", "rebuild_entrypoint_layers")
ROOT: Final = Path(__file__).parents[1]
EDITED: Final = Path("entrypoint/slipway/__init__.py")
LOG_TAIL: Final = 4000


def measure(session: Session, rows: Sequence[str]) -> Iterator[record.Record]:
    client = session.client
    # Tags of its own: slipway:dev stays what it is, whatever else uses it meanwhile.
    tag = f"bench-{secrets.token_hex(4)}"
    image = f"slipway:{tag}"
    with tempfile.TemporaryDirectory() as directory, contextlib.ExitStack() as cleanup:
        made: set[str] = set()
        cleanup.callback(_remove, client, tag, made)
        copy = Path(directory) / "tree"
        _copy(copy)
        session.say("rebuild_entrypoint: first build of the copy")
        _make_image(copy, tag)
        # The second build takes the tags from these, and nothing else would name them then.
        made.update(_images(client, tag).values())
        before = _diff_ids(client, image)
        with (copy / EDITED).open("a") as file:
            file.write(f"# Touched by {tag}.\n")
        began = time.monotonic()
        _make_image(copy, tag)
        seconds = time.monotonic() - began
        changed = layers.of(client, image, without=before)
    size = sum(layer.compressed for layer in changed) / 1e6
    unpacked = record.rounded(sum(layer.plain for layer in changed) / 1e6)
    session.say(f"rebuild_entrypoint: {seconds:.1f} s, {len(changed)} layers of {size:.3f} MB changed")
    if "rebuild_entrypoint" in rows:
        yield record.make("rebuild_entrypoint", "s", seconds, edited=str(EDITED))
    if "rebuild_entrypoint_layers" in rows:
        yield record.make("rebuild_entrypoint_layers", "MB", size, unpacked=unpacked, layers=len(changed))


def _copy(target: Path) -> None:
    """Copy what git would commit: neither build output nor the environment of the host."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        source = ROOT / name
        # A file that was deleted but is still in the index is not part of the tree.
        if source.is_symlink() or source.exists():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target / name, follow_symlinks=False)


def _make_image(tree: Path, tag: str) -> None:
    # The make that runs the benchmark must not lend its flags to this one.
    kept = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    environment = kept | {"TAG": tag}
    done = subprocess.run(
        ["make", "image"],
        check=False,
        cwd=tree,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"`make image` failed in a copy of the work tree:\n{done.stdout[-LOG_TAIL:]}")


def _diff_ids(client: docker.DockerClient, image: str) -> set[str]:
    return set(client.images.get(image).attrs["RootFS"]["Layers"])


def _images(client: docker.DockerClient, tag: str) -> dict[str, str]:
    """The image of each name that a build with this tag gives."""
    every = {name: str(image.id) for image in client.images.list("slipway") for name in image.tags}
    return {name: key for name, key in every.items() if name == f"slipway:{tag}" or name.startswith(f"slipway:{tag}-")}


def _remove(client: docker.DockerClient, tag: str, made: set[str]) -> None:
    for name in _images(client, tag):
        client.images.remove(name)
    for key in made:
        with contextlib.suppress(ImageNotFound):
            # The same bytes may carry someone else's name.
            if not client.images.get(key).tags:
                client.images.remove(key)
