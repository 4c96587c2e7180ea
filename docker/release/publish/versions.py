"""Whether the places that name a release's version agree, and how its images are called."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import yaml

from packages import BaseError

ROOT: Final = Path(__file__).resolve().parents[3]
PACKAGE: Final = Path("entrypoint/slipway/__init__.py")
CHART: Final = Path("helm/slipway/Chart.yaml")
# What is released, and what each image's tag has behind the version.
TARGETS: Final = {"full": "", "slim": "-slim", "builder": "-builder"}
_VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?")


def of_package(root: Path = ROOT) -> str:
    """The version that the launcher says it is. Raises BaseError when it says none."""
    found = re.search(r'^__version__ = "(.+)"$', (root / PACKAGE).read_text(encoding="utf-8"), re.MULTILINE)
    if not found:
        raise BaseError(f"{PACKAGE} names no version", "it has no line __version__ = ...", "write one")
    return found[1]


def of_chart(root: Path = ROOT) -> tuple[str, str]:
    """The chart's own version, and that of the image it installs."""
    chart = yaml.safe_load((root / CHART).read_text(encoding="utf-8"))
    return str(chart["version"]), str(chart["appVersion"])


def agreed(tag: str, root: Path = ROOT) -> str:
    """The version of a release by its tag, ``v1.2.3``. Raises BaseError unless package and chart say the same."""
    version = tag.removeprefix("v")
    if not tag.startswith("v") or not _VERSION.fullmatch(version):
        raise BaseError(f"{tag or 'nothing'} is no tag of a release", "one is v and a version", "TAG=v1.2.3")
    said = {str(PACKAGE): of_package(root), f"{CHART} (appVersion)": of_chart(root)[1]}
    others = {where: found for where, found in said.items() if found != version}
    if others:
        told = "; ".join(f"{where} says {found}" for where, found in others.items())
        raise BaseError(
            f"{tag} cannot be released", told, f"write {version} in {' and '.join(others)}, commit, and move the tag"
        )
    return version
