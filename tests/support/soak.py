"""The two forms of a test that could go on for hours: short for every run, long for `make soak`."""

from __future__ import annotations

import os
from typing import TypeVar

T = TypeVar("T")
LONG = os.environ.get("SLIPWAY_SOAK") == "on"


def form(short: T, long: T) -> T:
    """The value for this run."""
    return long if LONG else short
