"""Releases of packages that must never run. The one list: image builds, slipway-add, starts and ``check`` read it.

A release belongs here when it was published to do harm, as a public source says; one with a vulnerability does not.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final


@dataclass(frozen=True, slots=True)
class Bad:
    """Releases of one package; ``reason`` goes on from "it …", ``source`` says who found out."""

    name: str
    versions: tuple[str, ...]
    reason: str
    source: str


KNOWN_BAD: Final = (
    Bad(
        "litellm",
        ("1.82.7", "1.82.8"),
        "was published by an attacker on 24 March 2026 and steals credentials",
        "PYSEC-2026-2, MAL-2026-2144, github.com/BerriAI/litellm/issues/24518",
    ),
    Bad(
        "litellm",
        ("1.107.0",),
        "was published by an attacker on 21 October 2026 and steals credentials",
        # PyPI has 1.107.0rc2 and 1.108.0, and nothing in between.
        "socket.dev/glossary/python-package-index-pypi, socket.dev/blog/litellm-compromise",
    ),
    # Not in the image; what users of a gateway add for guardrails and providers.
    Bad(
        "guardrails-ai",
        ("0.10.1",),
        "was published by an attacker on 11 May 2026",
        "PYSEC-2026-206, github.com/guardrails-ai/guardrails/issues/1473",
    ),
    Bad(
        "mistralai",
        ("2.4.6",),
        "was published by an attacker on 11 May 2026 and runs a program that it downloads",
        "MAL-2026-3608, github.com/mistralai/client-python/issues/523",
    ),
    Bad(
        "telnyx",
        ("4.87.1", "4.87.2"),
        "was published by an attacker on 27 March 2026 and steals credentials",
        "MAL-2026-2254",
    ),
)
_FOLDERS: Final = (".dist-info", ".egg-info")
# Compiled when a lock is read: a start reads none.
_LOCKED: Final = r"(?m)^([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^]]*\])?\s*===?\s*([^\s;\\]+)"


def look_up(name: str, version: str) -> Bad | None:
    """Return the entry for a release, or None. Names and versions are compared as PyPI does (PEP 503, PEP 440)."""
    wanted, public = _normalized(name), version.strip().lower().removeprefix("v").partition("+")[0]
    return next((bad for bad in KNOWN_BAD if bad.name == wanted and public in bad.versions), None)


def locked(text: str) -> Iterator[tuple[str, str, Bad]]:
    """Yield (name, version, entry) for each known-bad release in the text of a requirements file."""
    yield from _bad(re.findall(_LOCKED, text))


def installed(folder: Path) -> Iterator[tuple[str, str, Bad]]:
    """Yield the same for what is installed in ``folder``, by the names of its .dist-info folders. Raises OSError."""
    # NAME-VERSION.dist-info, or NAME-VERSION-pyX.Y.egg-info; neither part has a hyphen.
    found = (name.rpartition(".")[0].split("-") for name in sorted(os.listdir(folder)) if name.endswith(_FOLDERS))
    yield from _bad((parts[0], parts[1]) for parts in found if len(parts) > 1)


def _bad(releases: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str, Bad]]:
    for name, version in releases:
        if entry := look_up(name, version):
            yield _normalized(name), version, entry


def _normalized(name: str) -> str:
    return name.replace("_", "-").replace(".", "-").lower()
