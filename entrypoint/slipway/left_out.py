"""Changes to installed code that were left out when the image was built, because this line of LiteLLM differs.

Only the images of other lines have them (docs/decisions/0027-lines.md): in any other they end the build.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

# Written by patches.py and by runtime/warmup/record.py.
FILES: Final = ("/opt/slipway/venv/left-out.json", "/opt/slipway/warm/left-out.json")


def load(files: Sequence[str] = FILES) -> dict[str, str]:
    """Return the names of what was left out, each with its reason; nothing where there are no such files."""
    found: dict[str, str] = {}
    for file in map(Path, files):
        if file.exists():
            found |= json.loads(file.read_text(encoding="utf-8"))
    return found
