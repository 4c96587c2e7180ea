"""One byte that the supervisor sets when the whole gateway drains, in memory that every worker sees at once."""

from __future__ import annotations

import mmap
import os
from pathlib import Path
from typing import Final

_NAME: Final = "draining"


def create(directory: Path) -> mmap.mmap:
    """Make the flag, not set. Raises OSError when the file system is full or gone."""
    descriptor = os.open(directory / _NAME, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.posix_fallocate(descriptor, 0, mmap.PAGESIZE)
        return mmap.mmap(descriptor, mmap.PAGESIZE)
    finally:
        os.close(descriptor)


def attach(directory: Path) -> mmap.mmap | bytes:
    """Return what the first byte is to be read of: the supervisor's flag, or one that is never set."""
    try:
        with open(directory / _NAME, "rb") as file:
            return mmap.mmap(file.fileno(), mmap.PAGESIZE, prot=mmap.PROT_READ)
    except (OSError, ValueError):
        return b"\0"
