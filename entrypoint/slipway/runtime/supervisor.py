"""The supervisor: tini's only child and the server's parent.

It owns signals, the drain, reloads, the management port and orphaned query engines. It imports nothing of LiteLLM and
no third-party package, so that it stays small and is the same under every server.

A container is told to stop once, and each server stops listening the moment it is told. So the supervisor hears the
signal first: it is not ready any more, lets load balancers notice while requests are still served, then tells the
server, waits for the drain budget, and ends with the server's code.
"""

from __future__ import annotations

import contextlib
import hmac
import os
import signal
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from slipway import log, secret_files
from slipway.budget import FLUSH_SECONDS, SPARE_SECONDS
from slipway.cgroup import memory_kills, memory_limit
from slipway.metrics.families import Family
from slipway.metrics.guard import Guard
from slipway.metrics.scrapes import SECONDS as SCRAPE_SECONDS
from slipway.metrics.scrapes import Scrapes, Wanted
from slipway.processes import spawn, tell
from slipway.report import ExitCode
from slipway.runtime import engines, figures, management
from slipway.runtime.assignment import DRAIN_TOKEN, STOP, Assignment
from slipway.runtime.directories import FAILED
from slipway.runtime.management import Answer, Request
from slipway.runtime.reload import Reload
from slipway.runtime.server_process import Servers
from slipway.runtime.service_manager import ServiceManager
from slipway.runtime.status import Status
from slipway.workers import configuration, drain_flag, slots
from slipway.workers.rotation import Hopeless, Limits, Rotation

_TICK_SECONDS: Final = 0.5
_SWEEP_SECONDS: Final = 2.0
# Most servers end by themselves when a worker cannot start; they are given this long to do it their way.
_OWN_END_SECONDS: Final = 3.0
_FAILED_KILL_SECONDS: Final = 10.0
# Until the process that prepares the database is started again after it was killed.
_HELPER_PAUSE_SECONDS: Final = 10.0
# For `slipway drain` to see the end before the container takes it along.
_LINGER_SECONDS: Final = 1.0
# They would end this process, and with it the container; the server has no use for them from outside.
_IGNORED: Final = (signal.SIGUSR1, signal.SIGUSR2, signal.SIGPIPE)
_UNAUTHORIZED: Final = "refused: show the bearer token in SLIPWAY_METRICS_TOKEN_FILE; without one, ask from inside"


class Supervisor:
    """Runs one server until it ends or is told to."""

    def __init__(self, assignment: Assignment) -> None:
        """Take over what the launcher planned. Raises OSError."""
        self.assignment = assignment
        self._manager = ServiceManager(os.environ)
        self.status = Status(assignment)
        self._scrapes = Scrapes(assignment.metrics_files or None, self._figures, self._workers)
        self._guard = Guard(assignment.metrics_token_file or None, open=assignment.metrics_open)
        self._slots = slots.own()
        self._next_sweep = 0.0
        self._servers: Servers | None = None
        self._rotation: Rotation | None = None
        self._sidecar = 0
        self._helper = 0
        self._helper_at: float | None = None
        self._code: int | None = None
        self._asked = threading.Event()
        self._drain_began: float | None = None
        self._told = False
        self._state = ""
        self._stop_at: float | None = None
        self._kill_at: float | None = None
        self._failed = False
        # Workers that were told to finish since their parent was killed.
        self._orphans: set[int] | None = None
        self._flag = drain_flag.create(Path(assignment.workers_directory))
        self._reaper = engines.Reaper()
        self._reload = Reload(
            assignment.check,
            Path(assignment.workers_directory),
            assignment.watched,
            self._replace_workers,
            secrets=_secrets_of_files if assignment.watches_secrets else None,
        )

    def listen(self) -> management.Server:
        """Open the management port. Raises OSError when it is taken."""
        return management.Server(
            (self.assignment.management_host, self.assignment.management_port),
            {
                ("GET", "/livez"): lambda _: self._probe(self.status.live(), "alive"),
                ("GET", "/readyz"): lambda _: self._probe(self.status.ready(), "ready"),
                ("GET", "/startupz"): lambda _: self._probe(self._startup(), "started"),
                ("GET", "/metrics"): self._scraped,
                ("POST", "/drain"): self._drain_asked,
            },
            # A scrape that waits for another, and its own.
            {"/metrics": 2 * SCRAPE_SECONDS},
        )

    def run(self, port: management.Server) -> int:
        """Start the server, watch it, and return the container's exit code. ``port`` is what ``listen`` gave."""
        watched = {signal.SIGCHLD, signal.SIGHUP, *STOP}
        # Blocked before any thread starts, so that the loop below is the only place where signals arrive.
        signal.pthread_sigmask(signal.SIG_BLOCK, watched)
        for ignored in _IGNORED:
            signal.signal(ignored, signal.SIG_IGN)
        engines.adopt_orphans()
        try:
            self._servers = servers = Servers(self.assignment)
        except OSError as problem:
            log.line(f"port {self.assignment.port} cannot be opened: {problem.strerror}", level="error")
            return ExitCode.PORT
        servers.add()
        if self.assignment.only_worker and self.assignment.rotation:
            self._rotation = Rotation(servers, Limits.parse(self.assignment.rotation))
        if self.assignment.sidecar:
            self._sidecar = spawn(self.assignment.sidecar, environment=slots.for_reading(os.environ))
        if self.assignment.helper:
            self._help()
        threading.Thread(target=port.serve_forever, name="management", daemon=True).start()
        while not self._over(servers):
            received = signal.sigtimedwait(watched, self._patience())
            now = time.monotonic()
            if received is not None:
                self._hear(signal.Signals(received.si_signo), now)
            self._turn(servers, now)
        self.status.stopped = True
        return self._end()

    def _turn(self, servers: Servers, now: float) -> None:
        self._reap(servers, now)
        self._dismiss_orphans()
        self._reaper.sweep(now)
        self._forget_gauges(now)
        self.status.settle()
        if self._asked.is_set() and self._drain_began is None:
            self._drain("asked to drain", now, self.assignment.settle_seconds)
        if self._helper_at is not None and now >= self._helper_at and not self._ending:
            self._help()
        if not self._told:
            self._rotate()
            self._watch_start(now)
        if self.status.started and not self._ending:
            self._reload.tick(now)
            self._tell_readiness()
        self._manager.watch(now, lambda: self.status.live() == "alive")
        self._enforce(servers, now)

    def _help(self) -> None:
        """Start the process that prepares the database while the gateway serves, and ends."""
        self._helper_at = None
        try:
            self._helper = spawn(self.assignment.helper)
        except OSError as problem:
            self._help_later(f"cannot be started: {problem.strerror}")

    def _help_later(self, why: str) -> None:
        log.line(f"the process that prepares the database {why}; the next follows", level="error")
        self._helper_at = time.monotonic() + _HELPER_PAUSE_SECONDS

    @property
    def _ending(self) -> bool:
        return self._told or self._drain_began is not None

    def _hear(self, received: signal.Signals, now: float) -> None:
        if received == signal.SIGHUP:
            self._reload_asked()
        elif received in STOP:
            if self._drain_began is None:
                settle = self.assignment.settle_seconds if received == signal.SIGTERM else 0
                self._drain(received.name, now, settle)
                self._asked.clear()
            elif self._asked.is_set():
                # A drain by request is followed by the signal of whoever asked for it.
                self._asked.clear()
            elif not self._told:
                log.line(f"{received.name} again: stopping {self.assignment.server} now")
                self._stop_at = now

    def _reload_asked(self) -> None:
        if self._ending:
            log.line("reload: refused: the gateway ends", level="warning")
            return
        if self.assignment.check:
            self._reload.ask()
        else:
            self._reload.decline(f"{self.assignment.server} cannot replace its workers one by one; restart it")

    def _replace_workers(self) -> None:
        if self._ending:
            log.line("reload: refused: the gateway ends", level="warning")
            return
        log.line("reload: the configuration is good; the workers are replaced one by one")
        if self._rotation:
            self._rotation.reload()
        elif self._servers:
            self._servers.signal(signal.SIGHUP)

    def _rotate(self) -> None:
        if self._rotation is None or self._failed or self._drain_began is not None:
            return
        try:
            self._rotation.tick()
        except Hopeless:
            log.line("no worker can be started", level="error")
            self._failed = True
            self._stop_at = time.monotonic()

    def _watch_start(self, now: float) -> None:
        """End a server that goes on starting a worker that cannot start, as granian does."""
        if self.status.started or self._failed:
            return
        self.status.look()
        if not self.status.started and Path(self.assignment.workers_directory, FAILED).exists():
            log.line("a worker could not start; the log above says why", level="error")
            self._failed = True
            self._stop_at = now + _OWN_END_SECONDS

    def _tell_readiness(self) -> None:
        state = self.status.ready()
        if state == self._state:
            return
        if self._state:
            good = state == "ready"
            log.line("ready" if good else f"not ready: {state}", level="info" if good else "warning")
        self._state = state
        self._manager.state(state)

    def _drain(self, why: str, now: float, settle: int) -> None:
        self._drain_began = now
        self._stop_at = now + settle
        self._not_ready()
        self._manager.stopping(f"draining: {why}", settle + self.assignment.drain_seconds + SPARE_SECONDS)
        log.line(
            f"{why}: not ready any more; {self.assignment.server} is told to stop in {settle} s; then it has "
            f"{self.assignment.drain_seconds - FLUSH_SECONDS} s for its requests and {FLUSH_SECONDS} s for their spend"
        )

    def _not_ready(self) -> None:
        self.status.draining = True
        # Workers see it and tell their clients to close their connections.
        self._flag[0] = 1

    def _drain_asked(self, request: Request) -> Answer:
        token = self._drain_token()
        if token:
            allowed = hmac.compare_digest(request.headers.get("x-drain-token", "").encode(), token.encode())
        else:
            allowed = request.local
        if not allowed:
            return Answer.state(
                403, "refused: X-Drain-Token must be DRAIN_ENDPOINT_TOKEN; without one, ask from inside"
            )
        self._not_ready()
        self._asked.set()
        return Answer.state(202, "draining")

    def _drain_token(self) -> str | None:
        """Return what a drain from elsewhere has to show: a reload may have changed it. Raises OSError."""
        kept = configuration.secrets_in_force(Path(self.assignment.workers_directory)) or {}
        return kept.get(DRAIN_TOKEN) or os.environ.get(DRAIN_TOKEN) or None

    def _enforce(self, servers: Servers, now: float) -> None:
        if self._stop_at is not None and now >= self._stop_at:
            self._stop_at = None
            self._told = True
            patience = (
                self.assignment.drain_seconds if self.status.started or not self._failed else _FAILED_KILL_SECONDS
            )
            self._kill_at = self._kill_at or now + patience
            servers.stop()
        if self._kill_at is not None and now >= self._kill_at:
            self._kill_at = None
            log.line(f"{self.assignment.server} did not finish in time and is killed", level="error")
            servers.kill()
            for seen in self.status.serving():
                tell(seen.pid, signal.SIGKILL)

    def _reap(self, servers: Servers, now: float) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            code = os.waitstatus_to_exitcode(status)
            if servers.ended(pid):
                if self._told or not (self._rotation and self._rotation.complete):
                    # One that is replaced has no say in how the gateway ends.
                    self._code = code
                self._after_the_server(servers, now)
            elif self._reload.reaped(pid, code):
                continue
            elif pid == self._helper and code and not self._ending:
                self._help_later("ended early")
            elif pid == self._sidecar and not self.status.draining:
                log.line("the metrics process ended; the gateway goes on without it", level="error")

    def _after_the_server(self, servers: Servers, now: float) -> None:
        """Let workers whose parent is gone finish what they do; nobody would replace them."""
        if servers.pids() or self._told or (self._rotation and self._rotation.complete):
            return
        self._told = True
        # Not by the flag: workers told by it do not wait for clients to notice.
        self.status.draining = True
        if self.status.serving():
            log.line(f"{self.assignment.server} is gone; its workers are told to finish", level="error")
            self._kill_at = now + self.assignment.drain_seconds
            self._orphans = set()

    def _forget_gauges(self, now: float) -> None:
        """Remove the gauges of workers that have ended."""
        if self._slots and now >= self._next_sweep:
            self._next_sweep = now + _SWEEP_SECONDS
            with contextlib.suppress(OSError):
                self._slots.sweep()

    def _dismiss_orphans(self) -> None:
        """Tell each worker whose parent is gone once, and one that was still starting then as soon as it serves."""
        if self._orphans is not None:
            for pid in {seen.pid for seen in self.status.serving()} - self._orphans:
                self._orphans.add(pid)
                tell(pid, signal.SIGTERM)

    def _over(self, servers: Servers) -> bool:
        return self._told and not servers.pids() and not self.status.serving()

    def _patience(self) -> float:
        deadlines = [deadline for deadline in (self._stop_at, self._kill_at) if deadline is not None]
        return max(0.0, min([_TICK_SECONDS, *(deadline - time.monotonic() for deadline in deadlines)]))

    def _startup(self) -> str:
        self.status.look()
        return "started" if self.status.started else "starting"

    def _probe(self, state: str, good: str) -> Answer:
        return Answer.state(200 if state == good else 503, state)

    def _figures(self) -> list[Family]:
        return figures.families(self.assignment, self.status, refused=self._reload.refused)

    def _workers(self) -> dict[str, int]:
        return {slots.slot_name(seen.slot): seen.pid for seen in self.status.serving()}

    def _scraped(self, request: Request) -> Answer:
        if not self._guard.admits(request.headers.get("authorization", ""), local=request.local):
            return Answer.state(401, _UNAUTHORIZED, ("WWW-Authenticate", "Bearer"))
        wanted = Wanted.of(request.headers.get("accept", ""), request.headers.get("accept-encoding", ""))
        with contextlib.ExitStack() as place:
            rendering = place.enter_context(self._scrapes.rendered(wanted))
            if rendering is None:
                return Answer.state(503, "the metrics could not be rendered; the log says why")
            headers = (("Content-Encoding", rendering.encoding),) if rendering.encoding else ()
            return Answer(200, rendering.file, rendering.type, headers, place.pop_all().close)

    def _end(self) -> int:
        self.status.settle()
        self._reload.stop()
        configuration.forget(Path(self.assignment.workers_directory))
        cut, rows = self.status.losses()
        level = "error" if cut or rows else "info"
        losses = f"{cut} requests cut, {rows} spend rows lost since the start"
        if self._drain_began is None and (cut or rows):
            log.line(losses, level=level)
        if self._drain_began is not None:
            log.line(f"drained in {time.monotonic() - self._drain_began:.1f} s: {losses}", level=level)
            if self._asked.is_set():
                time.sleep(_LINGER_SECONDS)
        return self._exit_code(self._code or 0)

    def _exit_code(self, code: int) -> int:
        if self._drain_began is not None and code in (0, -signal.SIGTERM, -signal.SIGINT):
            # By the signal itself when it came before the server had its handlers.
            return ExitCode.DONE
        if self._failed and self._drain_began is None:
            return max(code, 1)
        if code == 0:
            # uvicorn ends so when its workers cannot start, and an orchestrator would take it for success.
            log.line(f"{self.assignment.server} ended by itself", level="error")
            return 1
        if code < 0:
            name = signal.Signals(-code).name
            log.line(f"{self.assignment.server} was killed by {name}{_for_memory()}", level="error")
            return 128 - code
        log.line(f"{self.assignment.server} ended with code {code}", level="error")
        return code


def _for_memory() -> str:
    """Say so when the kernel has killed something here for its memory: it tells nobody else."""
    limit = memory_limit()
    if limit is None or not memory_kills():
        return ""
    return f": the container's {limit // 1_000_000} MB of memory were used up, docs/runbooks/memory-budget.md"


def _secrets_of_files() -> Mapping[str, str]:
    return secret_files.take(os.environ).values


def main() -> int:
    """Run the supervisor for the assignment in the first argument."""
    assignment = Assignment.parse(sys.argv[1])
    log.use_json(assignment.json_logs)
    try:
        supervisor = Supervisor(assignment)
    except OSError as problem:
        log.line(f"{assignment.workers_directory} cannot be written to: {problem.strerror}", level="error")
        return ExitCode.DIRECTORY
    try:
        port = supervisor.listen()
    except OSError as problem:
        # The launcher looked moments ago; somebody else was faster.
        log.line(f"management port {assignment.management_port} cannot be opened: {problem.strerror}", level="error")
        return ExitCode.PORT
    return supervisor.run(port)


if __name__ == "__main__":
    sys.exit(main())
