"""The configuration in force: its files as they were when they were checked, whatever they have become since.

The launcher keeps them, and before a reload the check keeps the next ones. A worker starts with what is in force, so
one that takes another's place is as the others are. It goes on with that, since LiteLLM reads the file again and again:
with a database every 30 s, and drops the models that are gone from it. What LiteLLM writes itself, it reads.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import ModuleType
from typing import IO, Any, Final

_IN_FORCE: Final = "configuration.json"
# Checked, and not yet in force.
_NEXT: Final = "configuration.next.json"
# What to go back to, until the workers have shown that they can start with what is in force.
_PROVEN: Final = "configuration.proven.json"


def keep(directory: Path, files: Iterable[str]) -> None:
    """Put ``files``, as they are now, in force. Raises OSError when ``directory`` cannot be written to."""
    _write(directory / _IN_FORCE, files)


def propose(directory: Path, files: Iterable[str]) -> None:
    """Keep ``files``, as they are now, for ``accept``. Raises OSError when ``directory`` cannot be written to."""
    _write(directory / _NEXT, files)


def accept(directory: Path) -> None:
    """Put what was proposed in force, and remember what was until ``prove`` or ``revert``. Raises OSError."""
    in_force, proven = directory / _IN_FORCE, directory / _PROVEN
    # Present while an earlier reload goes on, whose configuration nobody has started with yet.
    if in_force.exists() and not proven.exists():
        os.link(in_force, proven)
    os.replace(directory / _NEXT, in_force)


def prove(directory: Path) -> None:
    """Workers have started with what is in force: there is no way back."""
    (directory / _PROVEN).unlink(missing_ok=True)


def revert(directory: Path) -> None:
    """Put back in force what was proven, if an unproven one is."""
    if (directory / _PROVEN).exists():
        os.replace(directory / _PROVEN, directory / _IN_FORCE)


def in_force(directory: Path) -> Mapping[str, str]:
    """Return the text of each file in force by its absolute path; nothing where no configuration is kept."""
    try:
        found: dict[str, str] = json.loads((directory / _IN_FORCE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return found


def freeze(module: ModuleType, files: Mapping[str, str]) -> None:
    """Have ``module`` read ``files`` where it opens the files of these names, until it writes one itself."""
    left = dict(files)

    def opened(file: Any, mode: str = "r", *others: Any, **options: Any) -> IO[Any]:
        name = os.path.abspath(file) if isinstance(file, str) else ""
        if mode != "r":
            left.pop(name, None)
        text = left.get(name)
        return open(file, mode, *others, **options) if text is None else io.StringIO(text)

    # A module's own name is found before Python's.
    vars(module)["open"] = opened


def _write(path: Path, files: Iterable[str]) -> None:
    texts = {os.path.abspath(file): text for file in files if (text := _text(file)) is not None}
    scratch = path.with_suffix(".part")
    # It holds what the files hold, secrets too.
    with open(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        json.dump(texts, file)
    os.replace(scratch, path)


def _text(path: str) -> str | None:
    """Return what the file holds, None when it cannot be read: LiteLLM says so in its own words."""
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
