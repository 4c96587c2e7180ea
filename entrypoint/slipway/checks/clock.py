"""Whether the clock can be right."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Final

from slipway.checks.integrity import PACKAGES
from slipway.report import Finding

# The one date in an image whose files all have the same time stamp: the version of the package of certificates.
_DATED: Final = "certifi-"
_SUFFIX: Final = ".dist-info"
Day = tuple[int, int, int]


def check(now: float | None = None, packages: Path = PACKAGES) -> list[Finding]:
    """Warn of a clock that is behind the image; ``now`` is in seconds since 1970."""
    today, known = _day(time.gmtime(now)), built(packages)
    if known is None or today >= known:
        return []
    return [
        Finding(
            "clock-behind",
            "warning",
            f"The clock says {_written(today)}, and the image has certificates of {_written(known)}.",
            "Correct the host's clock (timedatectl set-ntp true): its containers have the same.",
            why="TLS refuses certificates that are not valid yet, and keys and budgets expire at the wrong time.",
        )
    ]


def built(packages: Path) -> Day | None:
    """Return a day (year, month, day) before which the image cannot have been built, None where it is unknown."""
    try:
        names = [name for name in os.listdir(packages) if name.startswith(_DATED) and name.endswith(_SUFFIX)]
        # A day may have a second release: 2026.10.19.post1.
        year, month, day = (int(part) for part in names[0].removeprefix(_DATED).removesuffix(_SUFFIX).split(".")[:3])
    except (OSError, ValueError, IndexError):
        return None
    return year, month, day


def _day(moment: time.struct_time) -> Day:
    return moment.tm_year, moment.tm_mon, moment.tm_mday


def _written(day: Day) -> str:
    return f"{day[0]}-{day[1]:02}-{day[2]:02}"
