"""Runs one server's own command: ``python -P -m slipway.servers.run [--preload] SERVER [its options]``.

Four things hold for all of them. This package is imported before a server puts the working directory on the path, so
no file of the user's can take its place. What came from files of secrets is taken over before a server reads its
variables. SIGTERM ends the process with 0, also before the server has a handler of its own; uvicorn raises the signal
once more after a clean end (uvicorn/server.py, capture_signals). And a worker of hypercorn ends when it is told through
hypercorn's event, or its parent is gone, and ignores SIGTERM: the parent sends it to all others as soon as one is done,
requests in flight or not (hypercorn/run.py).

With ``--preload`` the servers that spawn their workers, each with an import of its own, fork them instead from this
process, which has imported the application. gunicorn does so by itself.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from importlib import import_module
from types import FrameType
from typing import Final

from slipway.servers.hypercorn_worker import end_with_parent
from slipway.workers.environment import ask_platform, take_over
from slipway.workers.leaving import leave_politely

_PARENT: Final = "SLIPWAY_SPAWNED_BY"
_FORK: Final = "fork"


def run(server: str, *, preload: bool) -> None:
    """Run the command of ``server``, which reads ``sys.argv``."""
    if preload:
        _fork_workers(server)
    match server:
        case "uvicorn":
            uvicorn_main = import_module("uvicorn.main")
            parent = import_module("slipway.servers.uvicorn_parent")
            uvicorn_main.Multiprocess = parent.RotatingParent  # type: ignore[attr-defined]
            leave_politely()
            os.environ[_PARENT] = server
            uvicorn_main.main()
        case "gunicorn":
            # Before gunicorn puts the working directory first on the path.
            import_module("slipway.servers.gunicorn_worker")
            arbiter = import_module("slipway.servers.gunicorn_arbiter")
            import_module("gunicorn.app.base").Arbiter = arbiter.RotatingArbiter  # type: ignore[attr-defined]
            import_module("gunicorn.app.wsgiapp").run()
        case "hypercorn":
            from hypercorn.__main__ import main as hypercorn_main

            os.environ[_PARENT] = server
            end_with_parent()
            sys.exit(hypercorn_main())
        case _:
            from granian.cli import entrypoint as granian_main

            granian_main()


def _fork_workers(server: str) -> None:
    from slipway.runtime.preload import preload

    preload()
    context = multiprocessing.get_context(_FORK)
    match server:
        case "uvicorn":
            subprocess = import_module("uvicorn._subprocess")
            subprocess.spawn = context  # type: ignore[attr-defined]
        case "hypercorn":
            hypercorn_run = import_module("hypercorn.run")
            hypercorn_run.get_context = lambda method: context  # type: ignore[attr-defined]
        case _:
            multiprocessing.set_start_method(_FORK)
    master = os.getpid()
    termination = signal.SIG_IGN if server == "hypercorn" else signal.SIG_DFL

    def fresh_signals() -> None:
        # Handlers of the parent's are none of a worker's; the server gives it its own.
        if os.getppid() == master:
            signal.signal(signal.SIGTERM, termination)
            signal.signal(signal.SIGINT, signal.SIG_DFL)

    os.register_at_fork(after_in_child=fresh_signals)


def _end(number: int, frame: FrameType | None) -> None:
    sys.exit(0)


# The name that multiprocessing gives to this module in a process it spawned.
if __name__ == "__mp_main__":
    ask_platform()
    take_over(os.environ)
    match os.environ.get(_PARENT):
        case "hypercorn":
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            end_with_parent()
        case "uvicorn":
            leave_politely()

if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _end)
    ask_platform()
    take_over(os.environ)
    # The server's own name, for its usage messages; workers that are spawned see it too.
    sys.argv = sys.argv[1:]
    preload = sys.argv[0] == "--preload"
    if preload:
        del sys.argv[0]
    run(sys.argv[0], preload=preload)
