"""Keys that come from files, so that none stands on a command line."""

from __future__ import annotations

import os
from typing import Final

from slipway.checks.keys import WELL_KNOWN
from slipway.report import ExitCode, Refusal, refuse

LONGEST: Final = 4096
_SHORTEST: Final = 16
_FIX: Final = 'Make one and keep it: printf "sk-%s" "$(openssl rand -hex 32)" > FILE.'


def read(path: str, named_by: str) -> str:
    """Return the key in a file, without one line end after it. ``named_by`` is what messages call the file.

    Raises Refusal (66) for a file that is missing, unreadable, empty, longer than a key can be, or no text.
    """
    try:
        # A pipe that nobody writes to gives nothing, and nobody waits for it.
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            content = file.read(LONGEST + 1) or b""
    except OSError as problem:
        raise _unusable(named_by, f"cannot be read: {problem.strerror}") from None
    if len(content) > LONGEST:
        raise _unusable(named_by, f"is longer than {LONGEST} bytes, so that it is no key")
    try:
        text = content.decode()
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise _unusable(named_by, "is no text, so that it is no key")
    if not content:
        raise _unusable(named_by, "is empty")
    return text.removesuffix("\n").removesuffix("\r")


def refuse_unfit(new: str, old: str) -> None:
    """Raise Refusal (66) for a new salt key that is blank, the old one, easy to guess or not what a gateway gets."""
    if not new.strip():
        raise _unfit("blank", _FIX)
    if new == old:
        raise _unfit("the old one", "Name another file after --to-file.")
    if new.strip().lower() in WELL_KNOWN:
        raise _unfit("a well-known one, so that anybody may decrypt with it", _FIX)
    if len(new.strip()) < _SHORTEST:
        raise _unfit(f"shorter than {_SHORTEST} characters, so that it can be guessed", _FIX)
    if new != new.strip() or not new.isprintable():
        raise _unfit("surrounded by blanks or holds control characters, which a variable may lose on its way", _FIX)


def _unusable(named_by: str, why: str) -> Refusal:
    # Not the path: somebody may have given the key itself in its place.
    return refuse(
        "salt-key-file",
        ExitCode.SECRET,
        f"The file after {named_by} {why}.",
        "Mount a file that holds the key and nothing else, readable by the user of the container, and name it there.",
    )


def _unfit(why: str, fix: str) -> Refusal:
    return refuse("salt-new-key", ExitCode.SECRET, f"The new key is {why}.", fix)
