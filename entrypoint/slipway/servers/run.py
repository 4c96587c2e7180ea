"""Runs one server's own command: ``python -P -m slipway.servers.run SERVER [its options]``.

Three things hold for all of them. This package is imported before a server puts the working directory on the path, so
no file of the user's can take its place. SIGTERM ends the process with 0, also before the server has a handler of its
own; uvicorn raises the signal once more after a clean end (uvicorn/server.py, capture_signals). And a worker of
hypercorn ends when it is told through hypercorn's event only: the parent sends SIGTERM to all others as soon as one is
done, requests in flight or not (hypercorn/run.py).
"""

from __future__ import annotations

import os
import signal
import sys
from importlib import import_module
from types import FrameType
from typing import Final

_PARENT: Final = "SLIPWAY_SPAWNED_BY"


def run(server: str) -> None:
    """Run the command of ``server``, which reads ``sys.argv``."""
    match server:
        case "uvicorn":
            from uvicorn.main import main as uvicorn_main

            uvicorn_main()
        case "gunicorn":
            # Before gunicorn puts the working directory first on the path.
            import_module("slipway.servers.gunicorn_worker")
            from gunicorn.app.wsgiapp import run as gunicorn_main

            gunicorn_main()
        case "hypercorn":
            from hypercorn.__main__ import main as hypercorn_main

            os.environ[_PARENT] = server
            sys.exit(hypercorn_main())
        case _:
            from granian.cli import entrypoint as granian_main

            granian_main()


def _end(number: int, frame: FrameType | None) -> None:
    sys.exit(0)


# The name that multiprocessing gives to this module in a process it spawned.
if __name__ == "__mp_main__" and os.environ.get(_PARENT) == "hypercorn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)

if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _end)
    # The server's own name, for its usage messages; workers that are spawned see it too.
    sys.argv = sys.argv[1:]
    run(sys.argv[0])
