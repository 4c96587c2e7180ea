"""uvicorn's own command, ending with 0 after SIGTERM.

uvicorn finishes its requests, then raises the signal once more with the handler it found at its start
(uvicorn/server.py, capture_signals): by default that kills the process, which looks like a failure from outside.
"""

import signal
import sys

from uvicorn.main import main

# uvicorn's workers import this module as well, under another name.
if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    main()
