"""Write what is known of an image's parts: python -m sbom IMAGE FOLDER [--engine COMMAND].

sbom.cdx.json and sbom.spdx.json have the parts, vex.json the advisories that do not apply to them, and licences.md is
the report of the licence gate. Ends with 1 when a file of the image belongs to no component, or a part's licence is not
allowed.
"""

from __future__ import annotations

import argparse
import json
import logging
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from packages import load_lock
from sbom import as_cyclonedx, as_spdx, debian, licences, npm, ownership, vex, wheels
from sbom.component import Component
from sbom.subject import Subject
from sbom.tree import Tree, of_image

HERE: Final = Path(__file__).resolve().parent
RULES: Final = HERE / "rest.toml"
STATEMENTS: Final = HERE / "vex.toml"
LICENCES: Final = HERE.parents[2] / "requirements" / "licences.toml"
_LABEL: Final = "org.opencontainers.image"


def rules() -> dict[str, Any]:
    """Return what no package says: whose other files are, in every image and in the builder, and some licences."""
    return tomllib.loads(RULES.read_text(encoding="utf-8"))


def statements() -> list[dict[str, Any]]:
    """Return the advisories that do not apply."""
    found: list[dict[str, Any]] = tomllib.loads(STATEMENTS.read_text(encoding="utf-8"))["statement"]
    return found


def gate() -> licences.Gate:
    """Return what the licence gate of the build goes by."""
    found = tomllib.loads(LICENCES.read_text(encoding="utf-8"))
    return licences.Gate(frozenset(str(word).lower() for word in found["allowed"]), found["exceptions"])


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
    """Write all four documents."""
    parser = argparse.ArgumentParser(description="Write an image's parts, their licences, and what does not apply.")
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
    documents = {
        "sbom.cdx.json": as_cyclonedx.write(about, parts),
        "sbom.spdx.json": as_spdx.write(about, parts),
        "vex.json": vex.write(about, tree, parts, statements()),
        "licences.md": licences.write(about, parts, gate()),
    }
    options.folder.mkdir(parents=True, exist_ok=True)
    for name, text in documents.items():
        (options.folder / name).write_text(text, encoding="utf-8")
    complaints = list(_complaints(tree, parts))
    for complaint in complaints:
        print(f"sbom: {complaint}", file=sys.stderr)
    print(f"sbom: {len(parts)} components, {len(list(tree))} files, in {options.folder}")
    return 1 if complaints else 0


def _complaints(tree: Tree, parts: Sequence[Component]) -> Iterator[str]:
    for path in ownership.assign(tree, parts, [*rules()["made"], *rules()["builder"]]).nobodys:
        yield f"{path} belongs to no component: name it in {RULES.name}"
    allowing = gate()
    for part in parts:
        if not allowing.verdict(part):
            stated = ", ".join(part.licences)
            yield f"{part.id} is under {stated}: allow it in {LICENCES.name}, or name the package with a reason"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
