"""Files that others read while they are written."""

from __future__ import annotations

import os
from pathlib import Path


def replace(path: Path, text: str) -> None:
    """Write a file that only this user reads; whoever opens it sees the earlier text or the whole new one.

    Raises OSError when the file system is full or gone; it leaves nothing behind then, since room is short.
    """
    # Two processes may write at the same time.
    scratch = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with open(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
        scratch.replace(path)
    except OSError:
        scratch.unlink(missing_ok=True)
        raise
