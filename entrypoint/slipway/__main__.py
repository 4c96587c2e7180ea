"""``python -m slipway``: what entrypoint.sh executes."""

import sys

from slipway.cli import main

sys.exit(main(sys.argv[1:]))
