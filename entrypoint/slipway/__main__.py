"""``python -m slipway``: what entrypoint.sh executes."""

import os
import signal
import sys

# Told to stop before anything runs: that is no failure, except for a job, whose work is not done.
_JOB = "migrate" in sys.argv[1:2] or os.environ.get("SLIPWAY_MIGRATE", "").strip().lower() == "only"
for _signal in (signal.SIGTERM, signal.SIGINT):
    signal.signal(_signal, lambda number, _: sys.exit(128 + number if _JOB else 0))

from slipway.cli import main  # noqa: E402

sys.exit(main(sys.argv[1:]))
