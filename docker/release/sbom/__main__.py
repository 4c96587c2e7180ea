"""Write an image's SBOM: python -m sbom IMAGE FOLDER [--engine COMMAND]; sbom.cdx.json and sbom.spdx.json.

Ends with 1 when a file of the image belongs to no component.
"""

from __future__ import annotations

import argparse
import json
import logging
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from packages import load_lock
from sbom import as_cyclonedx, as_spdx, debian, npm, ownership, wheels
from sbom.component import Component
from sbom.subject import Subject
from sbom.tree import Tree, of_image

HERE: Final = Path(__file__).resolve().parent
RULES: Final = HERE / "rest.toml"
_LABEL: Final = "org.opencontainers.image"


def rules() -> dict[str, Any]:
    """Return what no package says: whose other files are, and some licences."""
    return tomllib.loads(RULES.read_text(encoding="utf-8"))


def components(tree: Tree, version: str) -> list[Component]:
    """Return every part of an image in order, Slipway among them."""
    own = Component("generic", "slipway", version, ("MIT",))
    packages = debian.find(tree, rules()["stated"])
    found = [own, *packages, *wheels.find(tree), *npm.find(tree, HERE.parents[1] / "prisma")]
    return sorted(found, key=lambda component: component.id)


def subject(image: str, engine: Sequence[str]) -> Subject:
    """Return what an image says of itself. Raises subprocess.CalledProcessError when it is not there."""
    done = subprocess.run([*engine, "image", "inspect", image], check=True, stdout=subprocess.PIPE, text=True)
    found: list[dict[str, Any]] = json.loads(done.stdout)
    labels = found[0]["Config"]["Labels"]
    return Subject("slipway", labels[f"{_LABEL}.version"], found[0]["Id"], load_lock("full").epoch)


def main(arguments: list[str]) -> int:
    """Write both documents."""
    parser = argparse.ArgumentParser(description="Write an image's SBOM as CycloneDX and SPDX.")
    parser.add_argument("image", metavar="IMAGE")
    parser.add_argument("folder", metavar="FOLDER", type=Path)
    parser.add_argument("--engine", default="docker")
    options = parser.parse_args(arguments)
    engine = shlex.split(options.engine)
    # It tells of each copyright file with an old address of the format.
    logging.getLogger("debian.copyright").setLevel(logging.ERROR)
    about = subject(options.image, engine)
    tree = of_image(options.image, engine)
    parts = components(tree, about.version)
    options.folder.mkdir(parents=True, exist_ok=True)
    for name, write in (("cdx", as_cyclonedx.write), ("spdx", as_spdx.write)):
        (options.folder / f"sbom.{name}.json").write_text(write(about, parts), encoding="utf-8")
    nobodys = ownership.assign(tree, parts, rules()["made"]).nobodys
    for path in nobodys:
        print(f"sbom: {path} belongs to no component: name it in {RULES.name}", file=sys.stderr)
    print(f"sbom: {len(parts)} components, {len(list(tree))} files, in {options.folder}")
    return 1 if nobodys else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
