"""Every change that is made to installed code in the process that serves."""

from __future__ import annotations

from typing import Final

from slipway.runtime import accounting, config_in_force
from slipway.runtime.request_path import SHORTCUTS
from slipway.runtime.warmup import FAST_PATHS

IN_PROCESS: Final = (*FAST_PATHS, *SHORTCUTS, *accounting.CHANGES, config_in_force.CHANGE)
