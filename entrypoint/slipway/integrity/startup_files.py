"""Files that Python runs in each process before anything else: .pth files, sitecustomize and usercustomize.

Source: the documentation of Python's ``site`` module. A line of a .pth file that begins with ``import`` is run; Python
reads them in site-packages alone, not in the folders that one of them names. sitecustomize comes from anywhere on the
path, usercustomize only where the user's own packages are on, which they are not in this virtual environment.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_MODULES: Final = ("sitecustomize", "usercustomize")
_LOADED: Final = (".py", ".pyc", ".so")


@dataclass(frozen=True, slots=True)
class Allowed:
    """One that the image has: the SHA-256 of its content, and why it is there."""

    name: str
    digest: str
    reason: str


ALLOWED: Final = (
    Allowed(
        "slipway.pth",
        "34ac8fe954c5b82b879cde3f59d7d2da83c446264e7e3cb98f22478b5d861366",
        "docker/python/install.sh: the launcher, hooks and added packages come after the installed ones on the path",
    ),
    Allowed(
        "sitecustomize.py",
        "43d81125d92376b1a69d53a71126a041cc9a18d8080e92dea0a2ae23be138b1e",
        "Debian's Python: loads the crash reporter apport where there is one, and there is none",
    ),
)


def foreign(folders: Iterable[Path]) -> Iterator[Path]:
    """Yield each such file in ``folders`` that is not one of the image's, by name and content.

    Raises OSError for a folder that cannot be read; one that does not exist has none.
    """
    for folder in folders:
        try:
            names = sorted(os.listdir(folder))
        except (FileNotFoundError, NotADirectoryError):
            continue
        for name in names:
            if is_one(name) and not _is_allowed(folder / name):
                yield folder / name


def is_one(name: str) -> bool:
    """Tell whether Python would run a file of this name, found in the right place."""
    stem, _, suffix = name.partition(".")
    return name.endswith(".pth") or (stem in _MODULES and (not suffix or name.endswith(_LOADED)))


def _is_allowed(path: Path) -> bool:
    known = [entry.digest for entry in ALLOWED if entry.name == path.name]
    return bool(known) and path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() in known
