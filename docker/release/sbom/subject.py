"""What is described."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Subject:
    """An image by its name, version and id; ``epoch``, in seconds since 1970, is the newest time in it."""

    name: str
    version: str
    identity: str
    epoch: int
