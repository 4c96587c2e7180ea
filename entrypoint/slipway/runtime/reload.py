"""Reload: a new configuration is checked first, by the launcher's own checks in a process of its own."""

from __future__ import annotations

import hashlib
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from slipway import log
from slipway.processes import spawn
from slipway.runtime.reload_progress import DONE, GIVEN_UP, REFUSED, Progress
from slipway.workers import configuration, tally

_POLL_SECONDS: Final = 2.0
_CHECK_SECONDS: Final = 120.0


class Reload:
    """Runs ``check`` when it is asked for, or when a watched file changes, and then ``apply``.

    ``check`` is a command line that keeps the configuration in ``directory`` and ends with 0 when it is good,
    ``watched`` the files to look at, beside those that are in force, ``secrets`` reads those of secrets, None when they
    are not looked at.
    """

    def __init__(
        self,
        check: tuple[str, ...],
        directory: Path,
        watched: Sequence[str],
        apply: Callable[[], None],
        secrets: Callable[[], Mapping[str, str]] | None = None,
    ) -> None:
        self._check = check
        self._directory = directory
        self._watched = [Path(path) for path in watched]
        self._secrets = secrets
        self._looks = bool(watched or secrets)
        self._apply = apply
        self._running: int | None = None
        self._deadline = 0.0
        self._asked = False
        self._next_look = 0.0
        self._accepted = self._changing = self._digest()
        # The start may have waited for a database.
        self._look_at(configuration.in_force(directory), configuration.secrets_in_force(directory) or {})
        self.refused = 0
        # What the workers had finished and given up when a configuration was handed to them; None while they have none.
        self._handed: tuple[int, int] | None = None
        self._progress = Progress()
        # Of the progress: for which asking the last check was begun, and whether it was refused.
        self._taken = 0
        self._refused_last = False

    @property
    def going_on(self) -> bool:
        """Whether a reload is asked for, is checked, or has not reached every worker."""
        return self._progress.over < self._progress.asked

    def ask(self) -> None:
        """Check and apply the configuration as it is at the next ``tick``, or once a check that runs has ended."""
        self._asked = True
        self._show(replace(self._progress, asked=self._progress.asked + 1))

    def _begin(self, now: float) -> None:
        self._asked = False
        self._taken, self._refused_last = self._progress.asked, False
        self._accepted = self._changing = self._digest()
        log.line("reload: checking the configuration")
        try:
            self._running = spawn(self._check)
        except OSError as problem:
            self._refuse(f"it cannot be checked: {problem.strerror}")
            return
        self._deadline = now + _CHECK_SECONDS

    def tick(self, now: float) -> None:
        """Do what is asked for, and look at the watched files; not while the gateway starts.

        ``now`` is monotonic time in seconds.
        """
        if self._looks and now >= self._next_look:
            self._next_look = now + _POLL_SECONDS
            self._look()
        if self._asked and self._running is None:
            self._begin(now)
        if self._running and now >= self._deadline:
            os.kill(self._running, signal.SIGKILL)
        if self._handed is not None and self._running is None:
            self._follow()

    def reaped(self, pid: int, code: int) -> bool:
        """Take the exit code of a child; tell whether it was the check's."""
        if pid != self._running:
            return False
        self._running = None
        if code < 0:
            self._refuse(f"its check was killed: it took longer than {_CHECK_SECONDS:g} s, or memory ran out")
        elif code:
            self._refuse("the log above says why")
        else:
            self._look_at(configuration.proposed(self._directory), configuration.proposed_secrets(self._directory))
            self._hand_over()
        return True

    def _hand_over(self) -> None:
        self._handed = self._counted() or (0, 0)
        self._apply()

    def _follow(self) -> None:
        """Look whether the workers have finished, or given up, what was handed to them."""
        before, now = self._handed or (0, 0), self._counted()
        if now is not None and sum(now) > sum(before):
            self._handed = None
            self._end(REFUSED if self._refused_last else DONE if now[0] > before[0] else GIVEN_UP)

    def _counted(self) -> tuple[int, int] | None:
        try:
            counts = tally.read(self._directory).reloads
        except OSError:
            # Out of descriptors, say: the next look will do.
            return None
        return counts.get(DONE, 0), counts.get(GIVEN_UP, 0)

    def _end(self, result: str) -> None:
        self._show(replace(self._progress, over=self._taken, result=result))

    def _show(self, progress: Progress) -> None:
        self._progress = progress
        try:
            progress.write(self._directory)
        except OSError as problem:
            log.line(f"reload: whoever waits for it cannot be told: {problem.strerror}", level="warning")

    def stop(self) -> None:
        """End a check that runs: nobody starts with what it would keep."""
        if self._running:
            os.kill(self._running, signal.SIGKILL)
            os.waitpid(self._running, 0)

    def _look_at(self, kept: Mapping[str, str], secrets: Mapping[str, str]) -> None:
        """Watch what a configuration includes, too, and notice what has changed since it was kept."""
        if not self._looks:
            return
        now = self._secrets() if self._secrets else secrets
        unchanged = (
            self._digest() == self._accepted
            and all(_holds(Path(file), text) for file, text in kept.items())
            and all(now.get(name) == value for name, value in secrets.items())
        )
        self._watched = list(dict.fromkeys([*self._watched, *map(Path, kept)]))
        self._changing = self._digest()
        self._accepted = self._changing if unchanged else b""

    def decline(self, why: str) -> None:
        """Refuse a reload that was asked for and cannot even be checked."""
        self.ask()
        self._asked = False
        self._taken = self._progress.asked
        self._refuse(why)

    def _refuse(self, why: str) -> None:
        self.refused += 1
        self._refused_last = True
        log.line(f"reload: refused: the configuration in force stays; {why}", level="error")
        if self._handed is None:
            self._end(REFUSED)

    def _look(self) -> None:
        digest = self._digest()
        # Only once it has stayed the same for a while: a file may be half written.
        settled, self._changing = digest == self._changing, digest
        if settled and digest != self._accepted:
            log.line("reload: a watched file has changed")
            self.ask()

    def _digest(self) -> bytes:
        whole = hashlib.sha256()
        for path in self._watched:
            try:
                whole.update(path.read_bytes())
            except OSError:
                # Away for a moment, as while it is replaced.
                whole.update(b"\0")
            whole.update(os.fsencode(path))
        for name, value in sorted(self._secrets().items() if self._secrets else ()):
            whole.update(f"{name}={value}\0".encode())
        return whole.digest()


def _holds(path: Path, text: str) -> bool:
    try:
        return path.read_bytes() == text.encode()
    except OSError:
        return False
