"""Whether the packages are those of the image: no release that must never run, no foreign or changed file.

The build checks the same (docker/python/guard.py), and a read-only root keeps it so. What is left for a start are
images made from this one, mounts over its packages, and packages that somebody added.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final, ParamSpec

from slipway.integrity import known_bad, records, startup_files
from slipway.integrity.records import Difference
from slipway.report import Finding, Severity

P = ParamSpec("P")
SETTING: Final = "SLIPWAY_ALLOW_MODIFIED"
VENV: Final = Path("/opt/slipway/venv")
# On the path of the gateway after the installed packages: docker/python/install.sh.
ADDED: Final = (Path("/opt/slipway/app"), Path("/etc/slipway/hooks"), Path("/etc/slipway/site"))
_VERSION: Final = f"python{sys.version_info.major}.{sys.version_info.minor}"
# Debian's Python reads .pth files in the last three, too, where they exist.
_SITES: Final = (
    f"lib/{_VERSION}/site-packages",
    f"local/lib/{_VERSION}/dist-packages",
    "lib/python3/dist-packages",
    f"lib/{_VERSION}/dist-packages",
)
PACKAGES: Final = VENV / _SITES[0]
# The way into the proxy, and what decides who may use it; Python runs their bytecode and does not look at the source.
_ENTRY: Final = (
    "litellm/__init__",
    "litellm/proxy/__init__",
    "litellm/proxy/proxy_server",
    "litellm/proxy/proxy_cli",
    "litellm/proxy/auth/user_api_key_auth",
)
# A disk that is read for the first time may be slow; nobody waits longer for an answer.
_SECONDS: Final = 30.0
_SHOWN: Final = 5
_FIX: Final = "Remove what mounts it or copies it there; where it is meant, set {} to start all the same."


def at_start(*, allowed: bool = False, venv: Path = VENV, added: Iterable[Path] = ADDED) -> list[Finding]:
    """Return what is cheap to know, in some milliseconds. Raises nothing.

    ``allowed`` (SLIPWAY_ALLOW_MODIFIED) makes warnings of what differs from the image; a known-bad release stays an
    error. ``venv`` and ``added`` are the folders that are looked at.
    """
    folders = [*(venv / site for site in _SITES), *added]
    severity: Severity = "warning" if allowed else "error"
    return [
        *_told(_releases, [*folders, *_of_the_user()]),
        *_told(_startup_files, folders, severity),
        *_told(_entry, venv / _SITES[0], severity),
    ]


def whole(*, allowed: bool = False, venv: Path = VENV, added: Iterable[Path] = ADDED) -> list[Finding]:
    """Compare every file of every package with its RECORD, within 30 s; ``at_start`` is no part of it. Raises nothing.

    In the folders that users fill only files that packages name are looked at: others may lie beside them.
    """
    severity: Severity = "warning" if allowed else "error"
    own = _told(_files, venv / _SITES[0], severity, True)
    return [*own, *(finding for folder in added for finding in _told(_files, folder, severity, False))]


def _told(look: Callable[P, Iterable[Finding]], *arguments: P.args, **named: P.kwargs) -> list[Finding]:
    try:
        return list(look(*arguments, **named))
    except (OSError, ValueError) as problem:
        return [_unfinished(f"A RECORD or folder of the packages cannot be read ({type(problem).__name__})")]


def _of_the_user() -> list[Path]:
    """The folders of PYTHONPATH, which come before all others."""
    return [Path(entry) for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]


def _releases(folders: Iterable[Path]) -> Iterator[Finding]:
    for folder in filter(Path.is_dir, folders):
        for name, version, bad in known_bad.installed(folder):
            yield Finding(
                "package-known-bad",
                "error",
                f"{name} {version} is installed in {folder}, a release that must never run.",
                "Remove it, start from an image of ours, and replace every credential that the gateway and the machine "
                "that installed it could read.",
                why=f"It {bad.reason} ({bad.source}).",
            )


def _startup_files(folders: Iterable[Path], severity: Severity) -> Iterator[Finding]:
    # Debian's own sitecustomize is the first on the path, unless PYTHONPATH names another.
    for path in startup_files.foreign([*folders, Path(os.__file__).parent]):
        yield Finding(
            "startup-file-foreign",
            severity,
            f"{path} is a file that Python runs by itself, and not one of the image's.",
            _FIX.format(f"{SETTING}=on"),
            why="Python runs .pth files and sitecustomize in every process before anything else, also unasked.",
        )
    for path in startup_files.foreign(_of_the_user()):
        # Named by whoever starts the gateway, as instrumentation is; .pth files there are not read.
        if path.suffix != ".pth" and path.name.startswith("sitecustomize"):
            yield Finding(
                "startup-file-named",
                "warning",
                f"{path} is run in every process of Python, because PYTHONPATH names its folder.",
                "None, where it is meant, as for instrumentation; otherwise correct PYTHONPATH.",
                why="It may change anything that the gateway does.",
            )


def _entry(packages: Path, severity: Severity) -> Iterator[Finding]:
    record = next(packages.glob("litellm-*.dist-info/RECORD"), None)
    if record is None:
        return
    tag = sys.implementation.cache_tag
    modules = [os.path.split(module) for module in _ENTRY]
    paths = [f"{module}.py" for module in _ENTRY]
    paths += [f"{folder}/__pycache__/{name}.{tag}.pyc" for folder, name in modules]
    yield from _modified(packages, [*records.verify_some(record, paths)], severity)


def _files(packages: Path, severity: Severity, own: bool) -> Iterator[Finding]:
    found = records.verify(packages, _SECONDS, first="litellm/", unexpected=own)
    # A package that was copied without its programs, as `pip --target` does, misses them; nobody imports them.
    differences = [item for item in found.differences if own or item.kind == "modified"]
    yield from _modified(packages, [item for item in differences if item.kind != "unexpected"], severity)
    foreign = [item.path for item in differences if item.kind == "unexpected"]
    if foreign:
        yield Finding(
            "package-file-foreign",
            severity,
            f"{packages} holds {_listed(foreign)}, which no package has brought.",
            _FIX.format(f"{SETTING}=on"),
            why="Python imports what lies there, in place of what was installed, too.",
        )
    if found.seen < found.listed:
        yield _unfinished(f"{found.seen} of {found.listed} files of {packages} were compared in {_SECONDS:g} s")


def _modified(packages: Path, differences: list[Difference], severity: Severity) -> Iterator[Finding]:
    if differences:
        files = [f"{item.path} ({item.kind})" for item in differences]
        yield Finding(
            "package-modified",
            severity,
            f"{packages} is not as it was installed: {_listed(files)}.",
            _FIX.format(f"{SETTING}=on"),
            why="What runs is not what was built and tested; and of a module Python runs the bytecode that lies beside "
            "it, whatever the source says.",
        )


def _listed(files: list[str]) -> str:
    shown, more = sorted(files)[:_SHOWN], len(files) - _SHOWN
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")


def _unfinished(what: str) -> Finding:
    return Finding(
        "integrity-unfinished",
        "warning",
        f"{what}.",
        "Run `check` again, where the disk is slow; or see who may read them.",
        why="Nobody knows whether the rest is as it was installed.",
    )
