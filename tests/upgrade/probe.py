"""Build stage of the test's image: applies every patch and records the fast paths; writes what became of each.

Usage: probe.py SITE_PACKAGES REPORT. The report is a JSON object: a patch or fast path, and "holds" or the reason.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from slipway.patches import PATCHES
from slipway.runtime.changes import IN_PROCESS

RECORD = ("-P", "-m", "slipway.runtime.warmup.record", "/opt/slipway/warm/store.marshal")


def main() -> int:
    packages, report = Path(sys.argv[1]), Path(sys.argv[2])
    found: dict[str, str] = {}
    for patch in PATCHES:
        try:
            patch.apply(packages)
            found[patch.name] = "holds"
        except (OSError, ValueError) as problem:
            found[patch.name] = str(problem)
    done = subprocess.run(["/opt/slipway/venv/bin/python3", *RECORD], capture_output=True, text=True)
    told = [line.removeprefix("record: ") for line in done.stderr.splitlines() if line.startswith("record: ")]
    refused = {name: reason for name, _, reason in (line.partition(": ") for line in told)}
    for path in IN_PROCESS:
        found[path.name] = refused.get(path.name, "holds")
    found["record"] = "holds" if done.returncode == 0 else done.stderr
    report.write_text(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
