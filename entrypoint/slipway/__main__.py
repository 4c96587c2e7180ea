"""What entrypoint.sh executes, by bin/slipway; ``python -m slipway`` is the same."""

import os
import signal
import sys

if sys.flags.no_site:
    # Without ``site`` no .pth file and no sitecustomize has run: they are looked at first (checks/integrity.py). What
    # follows is what ``site`` and slipway.pth do for every other process.
    sys.prefix = sys.exec_prefix = os.path.dirname(os.path.dirname(sys.executable))
    sys.path += [
        f"{sys.prefix}/lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages",
        os.path.dirname(os.path.dirname(os.path.abspath(__file__))),
        "/etc/slipway/hooks",
        "/etc/slipway/site",
    ]

# Told to stop before anything runs: that is no failure, except for a job, whose work is not done.
_JOB = "migrate" in sys.argv[1:2] or os.environ.get("SLIPWAY_MIGRATE", "").strip().lower() == "only"
for _signal in (signal.SIGTERM, signal.SIGINT):
    signal.signal(_signal, lambda number, _: sys.exit(128 + number if _JOB else 0))

from slipway.cli import main  # noqa: E402

sys.exit(main(sys.argv[1:]))
