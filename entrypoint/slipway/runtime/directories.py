"""Writable directories: found, probed and emptied before anything needs them.

The root file system is read-only. Three places are writable by contract: /tmp, /run/slipway and /var/lib/slipway. Where
nobody mounted the first two, as in upstream's published manifests, shared memory takes their place: Docker and the
kubelet give every container a writable /dev/shm.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from slipway import secret_files
from slipway.report import ExitCode, Finding, Refusal, refuse

FALLBACK: Final = Path("/dev/shm/slipway")
# Beside the workers' announcements: one of them could not start.
FAILED: Final = "failed"
_PROBE_BYTES: Final = 65536
# prometheus_client/values.py names them: a type, a gauge's mode, and whose they are. LiteLLM lists what it admits.
_METRIC_FILE: Final = re.compile(r"(counter|histogram|summary|gauge_[a-z]+)_[^_]+\.db|litellm_admitted_series_.+")
WORKERS: Final = "workers"
STATE: Final = Path("/var/lib/slipway")


@dataclass(frozen=True, slots=True)
class Directories:
    """The directories of this run. ``runtime`` and ``temporary`` are writable; ``findings`` say what was replaced."""

    runtime: Path
    temporary: Path
    findings: tuple[Finding, ...]

    @property
    def workers(self) -> Path:
        """Where a worker announces that it serves: one file, named by its pid."""
        return self.runtime / WORKERS

    @property
    def metrics(self) -> Path:
        """prometheus_client's multiprocess directory."""
        return self.runtime / "prometheus"

    @property
    def ui(self) -> Path:
        """The admin UI rewritten for SERVER_ROOT_PATH."""
        return self.runtime / "ui"


def choose(runtime: str, *, asked: bool) -> Directories:
    """Find writable directories without leaving anything behind.

    ``runtime`` is the wanted runtime directory and ``asked`` says that somebody named it.
    Raises Refusal (67) when one that was named or mounted is not writable, or when nothing is.
    """
    findings: list[Finding] = []
    wanted = Path(runtime)
    if problem := _unwritable(wanted):
        if asked or os.path.ismount(wanted):
            raise _refusal(wanted, problem, "SLIPWAY_RUNTIME_DIR")
        findings.append(_replaced(wanted, FALLBACK))
        wanted = FALLBACK
        if problem := _unwritable(wanted):
            raise _refusal(Path(runtime), problem, "SLIPWAY_RUNTIME_DIR")
    temporary = Path(os.environ.get("TMPDIR") or "/tmp")
    if problem := _unwritable(temporary):
        if os.environ.get("TMPDIR") or os.path.ismount(temporary):
            raise _refusal(temporary, problem, "TMPDIR")
        findings.append(_replaced(temporary, wanted / "tmp"))
        temporary = wanted / "tmp"
    if os.path.ismount(STATE) and (problem := _unwritable(STATE)):
        raise _refusal(STATE, problem, str(STATE))
    return Directories(wanted, temporary, tuple(findings))


def in_memory(path: Path) -> bool:
    """Tell whether ``path``, or where it will be made, is a file system in memory."""
    while not path.exists() and path != path.parent:
        path = path.parent
    return secret_files.in_memory(path.stat().st_dev)


def prepare(directories: Directories, metrics: Path | None) -> None:
    """Create the directories and empty what an earlier run left. ``metrics`` is the multiprocess directory, if any.

    Raises OSError when one cannot be made, Refusal (67) when the multiprocess directory is not writable.
    """
    for path in (directories.workers, directories.temporary):
        path.mkdir(parents=True, exist_ok=True)
    _lock(directories.runtime, "SLIPWAY_RUNTIME_DIR")
    _empty(directories.workers)
    if metrics is not None:
        try:
            metrics.mkdir(mode=0o770, parents=True, exist_ok=True)
        except OSError as failure:
            why = failure.strerror or type(failure).__name__
            raise _refusal(metrics, why, "PROMETHEUS_MULTIPROC_DIR") from None
        if problem := _unwritable(metrics):
            raise _refusal(metrics, problem, "PROMETHEUS_MULTIPROC_DIR")
        # Our own is below the runtime directory, whose lock it shares.
        if metrics != directories.metrics and not os.path.samefile(metrics, directories.runtime):
            _lock(metrics, "PROMETHEUS_MULTIPROC_DIR")
        _empty_metrics(metrics)


@contextmanager
def refusing(runtime: Path) -> Iterator[None]:
    """Turn an OSError inside the block, such as a full file system, into a Refusal (67)."""
    try:
        yield
    except OSError as problem:
        place = Path(problem.filename) if problem.filename else runtime
        raise _refusal(place, problem.strerror or type(problem).__name__, "runtime directory") from None


def _empty_metrics(directory: Path) -> None:
    """Empty the multiprocess directory before any worker starts."""
    # LiteLLM's caps on label sets belong to what they capped: both go.
    found = [*directory.glob("*.db"), *directory.glob("litellm_admitted_series_*")]
    foreign = [entry.name for entry in found if not _METRIC_FILE.fullmatch(entry.name) or not entry.is_file()]
    if foreign:
        raise refuse(
            "metrics-directory-foreign",
            ExitCode.DIRECTORY,
            f"{directory} (PROMETHEUS_MULTIPROC_DIR) holds {sorted(foreign)[0]}, which is none of prometheus_client's "
            "files.",
            "Give metrics a directory of their own, or leave PROMETHEUS_MULTIPROC_DIR unset.",
            "Every scrape would fail over it.",
        )
    for entry in found:
        entry.unlink(missing_ok=True)


def _lock(directory: Path, variable: str) -> None:
    """Take a directory for as long as this process, or what it becomes, runs."""
    descriptor = os.open(directory / "lock", os.O_RDWR | os.O_CREAT, 0o660)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise refuse(
            "directory-in-use",
            ExitCode.DIRECTORY,
            f"Another gateway uses {directory}.",
            f"Give each a directory of its own: {variable}.",
            "Each would count the other's workers and requests as its own.",
        ) from None
    os.set_inheritable(descriptor, True)


def _empty(directory: Path) -> None:
    for entry in directory.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink(missing_ok=True)


def _unwritable(path: Path) -> str | None:
    """Return why a file cannot be made in ``path`` (or in the nearest parent that exists), None when it can."""
    probe = path
    while not probe.exists() and probe != probe.parent:
        probe = probe.parent
    try:
        # Unlinked at once, so the probe leaves nothing behind; written to, since a full disk still makes empty files.
        with tempfile.TemporaryFile(dir=probe, buffering=0) as file:
            file.write(b"\0" * _PROBE_BYTES)
            return None
    except OSError as problem:
        return problem.strerror or type(problem).__name__


def _replaced(path: Path, by: Path) -> Finding:
    return Finding(
        "directory-replaced",
        "info",
        f"{path} is not writable, so {by} (memory) is used instead.",
        f"Mount a tmpfs at {path} to keep it apart from shared memory.",
    )


def _refusal(path: Path, problem: str, name: str) -> Refusal:
    return refuse(
        "directory-not-writable",
        ExitCode.DIRECTORY,
        f"{path} ({name}) is not writable by uid {os.getuid()} (gid {os.getgid()}): {problem}.",
        f"Mount a writable volume or a tmpfs there (docker run --tmpfs {path}:mode=1777), or make it group-writable "
        "for gid 0.",
    )
