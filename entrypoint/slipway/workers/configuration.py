"""The configuration in force: its files, and what secrets hold, as they were when they were checked.

The launcher keeps them, and before a reload the check keeps the next ones. A worker starts with what is in force, so
one that takes another's place is as the others are. It goes on with that, since LiteLLM reads the file again and again:
with a database every 30 s, and drops the models that are gone from it. What LiteLLM writes into its file itself is in
force in every worker at once. Secrets are those that came from files: what stood in variables cannot change.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from slipway.files import replace

_IN_FORCE: Final = "configuration.json"
# Checked, and not yet in force.
_NEXT: Final = "configuration.next.json"
# What to go back to, until the workers have shown that they can start with what is in force.
_PROVEN: Final = "configuration.proven.json"
# There since LiteLLM wrote its file.
_WRITTEN: Final = "configuration.written"
_LOCK: Final = "configuration.lock"
_FILES: Final = "files"
_SECRETS: Final = "secrets"
_NO_SECRETS: Final[Mapping[str, str]] = {}


def keep(directory: Path, files: Iterable[str], secrets: Mapping[str, str] = _NO_SECRETS) -> None:
    """Put ``files``, as they are now, and ``secrets`` by their variables in force.

    Raises OSError when ``directory`` cannot be written to.
    """
    _write(directory / _IN_FORCE, files, secrets)


def propose(directory: Path, files: Iterable[str], secrets: Mapping[str, str] = _NO_SECRETS) -> None:
    """Keep ``files``, as they are now, and ``secrets`` by their variables for ``accept``.

    Raises OSError when ``directory`` cannot be written to.
    """
    _write(directory / _NEXT, files, secrets)


def accept(directory: Path) -> None:
    """Put in force what was proposed, if anything, and remember what was until ``prove`` or ``revert``.

    Raises OSError when ``directory`` cannot be written to.
    """
    if not (directory / _NEXT).exists():
        return
    in_force, proven = directory / _IN_FORCE, directory / _PROVEN
    with _alone(directory):
        # Present while an earlier reload goes on, whose configuration nobody has started with yet.
        if in_force.exists() and not proven.exists():
            os.link(in_force, proven)
        os.replace(directory / _NEXT, in_force)
        (directory / _WRITTEN).unlink(missing_ok=True)


def prove(directory: Path) -> None:
    """Workers have started with what is in force: there is no way back. Raises OSError."""
    (directory / _PROVEN).unlink(missing_ok=True)


def revert(directory: Path) -> None:
    """Put back in force what was proven, if an unproven one is. Raises OSError."""
    with _alone(directory):
        if (directory / _PROVEN).exists():
            os.replace(directory / _PROVEN, directory / _IN_FORCE)


def in_force(directory: Path) -> Mapping[str, str]:
    """Return the text of each file in force by its absolute path; nothing where no configuration is kept."""
    return _read(directory / _IN_FORCE).get(_FILES, {})


def secrets_in_force(directory: Path) -> Mapping[str, str] | None:
    """Return the value of each secret in force by its variable; None where no configuration is kept."""
    return _read(directory / _IN_FORCE).get(_SECRETS)


def proposed(directory: Path) -> Mapping[str, str]:
    """Return the text of each file that was proposed by its absolute path."""
    return _read(directory / _NEXT).get(_FILES, {})


def proposed_secrets(directory: Path) -> Mapping[str, str]:
    """Return the value of each secret that was proposed by its variable."""
    return _read(directory / _NEXT).get(_SECRETS, {})


def forget(directory: Path) -> None:
    """Remove what is kept, secrets among it: nobody starts any more."""
    for path in directory.glob("configuration.*"):
        path.unlink(missing_ok=True)


def mark_written(directory: Path) -> None:
    """LiteLLM has written its file, which is in force now. Raises OSError when ``directory`` cannot be written to."""
    with _alone(directory):
        keep(directory, in_force(directory), secrets_in_force(directory) or _NO_SECRETS)
        # A worker that serves wrote it: there is nothing better to go back to.
        prove(directory)
        (directory / _WRITTEN).touch()


def written_at(directory: Path) -> int:
    """Return when LiteLLM last wrote its file, as nanoseconds of a clock; 0 when it has not since the last reload."""
    try:
        return (directory / _WRITTEN).stat().st_mtime_ns
    except OSError:
        return 0


@contextmanager
def _alone(directory: Path) -> Iterator[None]:
    """What is in force is changed by one process at a time: whoever reloads, or a worker whose LiteLLM has written."""
    lock = os.open(directory / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _write(path: Path, files: Iterable[str], secrets: Mapping[str, str]) -> None:
    texts = {os.path.abspath(file): text for file in files if (text := _text(file)) is not None}
    replace(path, json.dumps({_FILES: texts, _SECRETS: dict(secrets)}))


def _read(path: Path) -> Mapping[str, Mapping[str, str]]:
    try:
        found: dict[str, dict[str, str]] = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    return found


def _text(path: str) -> str | None:
    """Return what the file holds, None when it cannot be read: LiteLLM says so in its own words."""
    try:
        # Not as text, which changes the ends of lines: whoever watches compares bytes.
        return Path(path).read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError):
        return None
