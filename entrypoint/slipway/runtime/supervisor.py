"""The supervisor: tini's only child and the server's parent.

It owns signals, the management port (/livez and /readyz) and orphaned query engines. It imports nothing of LiteLLM and
no third-party package, so that it stays small and is the same under every server.

A container is told to stop once, and each server stops listening the moment it is told. So the supervisor hears the
signal first: it is not ready any more, lets load balancers notice while requests are still served, then tells the
server, waits for the drain budget, and ends with the server's code.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
from pathlib import Path
from typing import Final

from slipway import log
from slipway.report import ExitCode
from slipway.runtime import engines, management
from slipway.runtime.addresses import reachable
from slipway.runtime.assignment import STOP, Assignment
from slipway.runtime.directories import FAILED

_TICK_SECONDS: Final = 1.0
# Most servers end by themselves when a worker cannot start; they are given this long to do it their way.
_OWN_END_SECONDS: Final = 3.0
_FAILED_KILL_SECONDS: Final = 10.0
_CONNECT_SECONDS: Final = 1.0
# They would end this process, and with it the container; the server has no use for them from outside.
_IGNORED: Final = (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGPIPE)


class Supervisor:
    """Runs one server until it ends or is told to."""

    def __init__(self, assignment: Assignment) -> None:
        self.assignment = assignment
        self.draining = False
        self._started = False
        self._server = 0
        self._sidecar = 0
        self._status: int | None = None
        self._stop_at: float | None = None
        self._kill_at: float | None = None
        self._failed = False
        self._reaper = engines.Reaper()

    def run(self, port: management.Server) -> int:
        """Start the server, watch it, and return the container's exit code. ``port`` is what ``listen`` gave."""
        watched = {signal.SIGCHLD, *STOP}
        # Blocked before any thread starts, so that the loop below is the only place where signals arrive.
        signal.pthread_sigmask(signal.SIG_BLOCK, watched)
        for ignored in _IGNORED:
            signal.signal(ignored, signal.SIG_IGN)
        engines.adopt_orphans()
        self._server = _spawn(self.assignment.argv)
        if self.assignment.sidecar:
            self._sidecar = _spawn(self.assignment.sidecar)
        if self.assignment.helper:
            # It prepares the database while the gateway serves, and ends.
            _spawn(self.assignment.helper)
        threading.Thread(target=port.serve_forever, name="management", daemon=True).start()
        while self._status is None:
            received = signal.sigtimedwait(watched, self._patience())
            if received is not None and received.si_signo in STOP:
                self._drain(signal.Signals(received.si_signo))
            self._reap()
            self._reaper.sweep(time.monotonic())
            self._watch_start(time.monotonic())
            self._enforce(time.monotonic())
        return self._exit_code(self._status)

    def alive(self) -> bool:
        """Whether the server's process runs."""
        return self._status is None

    def ready(self) -> str:
        """Return ``ready``, or the reason why not: ``draining``, ``stopped``, ``starting`` or ``not listening``."""
        if self.draining:
            return "draining"
        if not self.alive():
            return "stopped"
        # All workers once; then any, or readiness would drop each time one of them is recycled.
        serving = self._serving()
        self._started = self._started or serving >= self.assignment.workers
        if not self._started or not serving:
            return "starting"
        return "ready" if _connects(self.assignment.host, self.assignment.port) else "not listening"

    def _watch_start(self, now: float) -> None:
        """End a server that goes on starting a worker that cannot start, as granian does."""
        if self._started or self.draining or self._failed:
            return
        self._started = self._serving() >= self.assignment.workers
        if not self._started and Path(self.assignment.workers_directory, FAILED).exists():
            log.line("a worker could not start; the log above says why", level="error")
            self._failed = True
            self._stop_at = now + _OWN_END_SECONDS

    def _serving(self) -> int:
        try:
            names = [entry.name for entry in Path(self.assignment.workers_directory).iterdir()]
        except OSError:
            return 0
        pids = [int(name) for name in names if name.isdecimal()]
        return sum(_runs(pid) for pid in pids)

    def listen(self) -> management.Server:
        """Open the management port. Raises OSError when it is taken."""
        return management.Server(
            (self.assignment.management_host, self.assignment.management_port),
            {"/livez": self._livez, "/readyz": self._readyz},
        )

    def _livez(self) -> tuple[bool, str]:
        return self.alive(), "alive" if self.alive() else "stopped"

    def _readyz(self) -> tuple[bool, str]:
        state = self.ready()
        return state == "ready", state

    def _patience(self) -> float:
        deadlines = [deadline for deadline in (self._stop_at, self._kill_at) if deadline is not None]
        return max(0.0, min([_TICK_SECONDS, *(deadline - time.monotonic() for deadline in deadlines)]))

    def _drain(self, received: signal.Signals) -> None:
        now = time.monotonic()
        if self.draining:
            log.line(f"{received.name} again: stopping {self.assignment.server} now")
            self._stop_at = now
            return
        self.draining = True
        self._stop_at = now + self.assignment.settle_seconds
        log.line(
            f"{received.name}: not ready any more; {self.assignment.server} is told to stop in "
            f"{self.assignment.settle_seconds} s and has {self.assignment.drain_seconds} s for its requests"
        )

    def _enforce(self, now: float) -> None:
        if self._status is not None:
            return
        if self._stop_at is not None and now >= self._stop_at:
            self._stop_at = None
            patience = self.assignment.drain_seconds if self.draining else _FAILED_KILL_SECONDS
            self._kill_at = self._kill_at or now + patience
            os.kill(self._server, signal.SIGTERM)
        if self._kill_at is not None and now >= self._kill_at:
            self._kill_at = None
            log.line(f"{self.assignment.server} did not finish in time and is killed", level="error")
            os.killpg(self._server, signal.SIGKILL)

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid == self._server:
                self._status = status
            elif pid == self._sidecar and not self.draining:
                log.line("the metrics process ended; the gateway goes on without it", level="error")

    def _exit_code(self, status: int) -> int:
        code = os.waitstatus_to_exitcode(status)
        if self.draining and code in (0, -signal.SIGTERM, -signal.SIGINT):
            # By the signal itself when it came before the server had its handlers.
            return ExitCode.DONE
        if self._failed and not self.draining:
            return max(code, 1)
        if code == 0:
            # uvicorn ends so when its workers cannot start, and an orchestrator would take it for success.
            log.line(f"{self.assignment.server} ended by itself", level="error")
            return 1
        if code < 0:
            log.line(f"{self.assignment.server} was killed by {signal.Signals(-code).name}", level="error")
            return 128 - code
        log.line(f"{self.assignment.server} ended with code {code}", level="error")
        return code


def _spawn(argv: tuple[str, ...]) -> int:
    """Start a process in a session of its own, so that a signal to our group does not reach it."""
    every = set(signal.valid_signals()) - {signal.SIGKILL, signal.SIGSTOP}
    return os.posix_spawn(argv[0], argv, os.environ, setsid=True, setsigmask=(), setsigdef=every)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True


def _connects(host: str, port: int) -> bool:
    try:
        with socket.create_connection((reachable(host), port), timeout=_CONNECT_SECONDS):
            return True
    except OSError:
        return False


def main() -> int:
    """Run the supervisor for the assignment in the first argument."""
    assignment = Assignment.parse(sys.argv[1])
    log.use_json(assignment.json_logs)
    supervisor = Supervisor(assignment)
    try:
        port = supervisor.listen()
    except OSError as problem:
        # The launcher looked moments ago; somebody else was faster.
        log.line(f"management port {assignment.management_port} cannot be opened: {problem.strerror}", level="error")
        return ExitCode.PORT
    return supervisor.run(port)


if __name__ == "__main__":
    sys.exit(main())
