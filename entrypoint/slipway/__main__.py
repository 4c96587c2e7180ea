"""``python -m slipway``: what entrypoint.sh executes."""

import signal
import sys

# Told to stop before anything runs: that is no failure.
for _signal in (signal.SIGTERM, signal.SIGINT):
    signal.signal(_signal, lambda *_: sys.exit(0))

from slipway.cli import main  # noqa: E402

sys.exit(main(sys.argv[1:]))
