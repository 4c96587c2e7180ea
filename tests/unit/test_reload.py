"""When a reload is asked for by a change of a watched file, and how a check may end."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from slipway.runtime import reload, reload_progress
from slipway.runtime.reload import Reload
from slipway.runtime.reload_progress import DONE, GIVEN_UP, REFUSED, Progress
from slipway.workers import configuration
from slipway.workers.tally import Tally

CHECK = 4711


class Watched:
    """A reload that watches one file, whose checks only exist on paper."""

    def __init__(self, directory: Path, content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
        self.checks = self.applied = 0
        self.now = 0.0
        self.file = directory / "config.yaml"
        self.file.write_bytes(content)
        configuration.keep(directory, [str(self.file)])
        monkeypatch.setattr(reload, "spawn", self._spawn)
        self.reload = Reload(("check",), directory, [str(self.file)], self._apply)
        self._directory = directory
        self.tally = Tally(directory)

    def _spawn(self, command: tuple[str, ...]) -> int:
        self.checks += 1
        configuration.propose(self._directory, [str(self.file)])
        return CHECK

    def _apply(self) -> None:
        self.applied += 1
        configuration.accept(self._directory)

    @property
    def progress(self) -> Progress:
        return reload_progress.read(self._directory)

    def finish(self, *, done: bool) -> None:
        """What the workers do with a configuration that was handed to them."""
        self.tally.count_reload(done=done)
        self.reload.tick(self.now)

    def wait(self, code: int = 0) -> None:
        """Let half a minute pass; a check ends at once."""
        for _ in range(60):
            self.now += 0.5
            self.reload.tick(self.now)
            self.reload.reaped(CHECK, code)


@pytest.mark.parametrize("ends", [b"\n", b"\r\n", b"\r"])
def test_one_change_is_one_reload_whatever_ends_the_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ends: bytes
) -> None:
    watched = Watched(tmp_path, b"first" + ends, monkeypatch)
    watched.wait()
    assert watched.checks == 0
    watched.file.write_bytes(b"second" + ends)
    watched.wait()
    assert (watched.checks, watched.applied) == (1, 1)


@pytest.mark.parametrize(("code", "why"), [(65, "the log above"), (-signal.SIGKILL, "was killed")])
def test_a_check_that_fails_says_how_and_is_not_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], code: int, why: str
) -> None:
    watched = Watched(tmp_path, b"first", monkeypatch)
    watched.file.write_bytes(b"second")
    watched.wait(code)
    assert (watched.checks, watched.applied, watched.reload.refused) == (1, 0, 1)
    assert why in capfd.readouterr().err


@pytest.mark.parametrize(("done", "result"), [(True, DONE), (False, GIVEN_UP)])
def test_a_reload_is_over_when_the_workers_say_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, done: bool, result: str
) -> None:
    watched = Watched(tmp_path, b"first", monkeypatch)
    watched.tally.count_reload(done=True)
    assert watched.progress == Progress()
    watched.reload.ask()
    watched.wait()
    assert (watched.reload.going_on, watched.progress) == (True, Progress(1, 0))
    watched.finish(done=done)
    assert (watched.reload.going_on, watched.progress) == (False, Progress(1, 1, result))


def test_a_reload_that_is_refused_is_over_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    watched = Watched(tmp_path, b"first", monkeypatch)
    watched.reload.ask()
    watched.wait(65)
    assert (watched.reload.going_on, watched.progress) == (False, Progress(1, 1, REFUSED))
    watched.reload.decline("the server cannot")
    assert (watched.reload.going_on, watched.progress, watched.checks) == (False, Progress(2, 2, REFUSED), 1)


def test_one_that_is_asked_for_during_another_is_a_reload_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = Watched(tmp_path, b"first", monkeypatch)
    watched.reload.ask()
    watched.reload.tick(watched.now)
    watched.reload.ask()
    watched.reload.reaped(CHECK, 65)
    assert (watched.reload.going_on, watched.progress) == (True, Progress(2, 1, REFUSED))
    watched.wait()
    watched.finish(done=True)
    assert (watched.reload.going_on, watched.progress) == (False, Progress(2, 2, DONE))


def test_one_that_is_refused_while_workers_are_replaced_leaves_them_to_be_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = Watched(tmp_path, b"first", monkeypatch)
    watched.reload.ask()
    watched.wait()
    watched.reload.ask()
    watched.wait(65)
    assert watched.reload.going_on
    watched.finish(done=True)
    assert (watched.reload.going_on, watched.progress) == (False, Progress(2, 2, REFUSED))
