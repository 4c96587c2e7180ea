"""Values of variables from files: ``NAME_FILE`` names one, and one in the directory of secrets has a variable's name.

What LiteLLM reads it reads from its environment, so a file's content becomes the variable's value before anything else
looks at the environment. No file can make this hang or show its content: kinds other than plain files are never opened,
and what is wrong with a content is said without it.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from slipway import path_variables
from slipway.report import ExitCode, Finding, Refusal
from slipway.secrets import FROM_FILES, HELD, is_secret, of_this_gateway
from slipway.settings import setting

DIRECTORY: Final = "SLIPWAY_SECRETS_DIR"
# systemd puts the name of a credential that is a directory, and this sign, before the names of its files.
CREDENTIAL: Final = "slipway"
_BEFORE_NAME: Final = f"{CREDENTIAL}_"
_PATHS: Final = "SLIPWAY_PATH_VARIABLES"
_SUFFIX: Final = "_FILE"
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# In a directory: others name files in their own ways there, such as `port` and `user` in a database's secret.
_CAPITALS: Final = re.compile(r"[A-Z][A-Z0-9_]*")
# Read before any file can be, by this module, by Python or by the loader of programs.
_TOO_EARLY: Final = re.compile(rf"PATH|LD_\w+|PYTHON[A-Z]+|{DIRECTORY}|{FROM_FILES}|{HELD}|{_PATHS}")
# Linux passes no variable of more than 128 KiB on to another program (execve(2), MAX_ARG_STRLEN).
_LARGEST: Final = 100_000
# A volume is swapped once a minute at most.
_READINGS: Final = 3
# Of many files alike, so many are named in a message.
_TOLD: Final = 20
_MOUNTS: Final = Path("/proc/self/mountinfo")
_MEMORY: Final = frozenset({"tmpfs", "ramfs"})
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_KINDS: Final[tuple[tuple[int, str], ...]] = (
    (stat.S_IFDIR, "a directory, as Docker makes one for a file that does not exist"),
    (stat.S_IFIFO, "a pipe, whose content would be gone at the next reading"),
    (stat.S_IFSOCK, "a socket"),
    (stat.S_IFCHR, "a device"),
    (stat.S_IFBLK, "a device"),
)


@dataclass(frozen=True, slots=True)
class Taken:
    """What files hold for an environment.

    ``sources`` says which file each value is from, in the words of messages. ``findings`` has what is wrong, errors
    among it: their variables are not in ``values``. ``trimmed`` are those whose file ends in a newline.
    """

    values: Mapping[str, str] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    trimmed: frozenset[str] = frozenset()

    def notes(self) -> list[Finding]:
        """Return what is worth telling somebody who asks, and nothing to read at each start."""
        if not self.trimmed:
            return []
        files = _some([f"the {self.sources[name]}" for name in sorted(self.trimmed)])
        return [
            Finding(
                "secret-file-newline",
                "info",
                f"One newline at the end is not part of what these hold: {files}.",
                "None needed: editors and echo end a file so, and no key ends so.",
            )
        ]


NOTHING: Final = Taken()


@dataclass(frozen=True, slots=True)
class _Place:
    """A file for the variable ``name``; ``source`` is how messages call it, which do not show what a variable holds."""

    name: str
    path: str
    source: str


def take(environment: Mapping[str, str], only: str | None = None) -> Taken:
    """Read every file that ``environment`` names or a directory of secrets holds; ``only`` is the one variable wanted.

    Raises nothing.
    """
    for _ in range(_READINGS):
        findings: list[Finding] = []
        found = [*_named(environment, findings), *_in_directories(environment, findings)]
        places = [place for place in found if only in (None, place.name)]
        before = _resolved(places)
        taken = _take(environment, places, findings)
        # Kubernetes swaps a volume by one link: half of each content belongs together with nothing.
        if _resolved(places) == before:
            break
    return taken


def _resolved(places: Iterable[_Place]) -> list[str]:
    return [os.path.realpath(place.path) for place in places]


def _take(environment: Mapping[str, str], places: Iterable[_Place], findings: list[Finding]) -> Taken:
    values: dict[str, str] = {}
    sources: dict[str, str] = {}
    trimmed: set[str] = set()
    open_to_others: list[str] = []
    # A process of the gateway has them already; they are not set twice.
    own = of_this_gateway(environment)
    memory = _devices_in_memory()
    by_name: dict[str, list[_Place]] = {}
    for place in places:
        by_name.setdefault(place.name, []).append(place)
    for name, candidates in by_name.items():
        found: list[tuple[str, str]] = []
        for place in candidates:
            try:
                raw = _content(place)
                value, newline = _text(raw, place)
            except Refusal as refusal:
                findings += refusal.findings
                continue
            found.append((value, place.source))
            trimmed |= {name} if newline else set()
            open_to_others += _modes(place, memory)
        if not found:
            continue
        # Blank counts as unset, as everywhere. The same value today is another one after the file is rotated.
        given = environment.get(name, "").strip() and name not in own
        if given:
            found.append((environment[name], f"variable {name}"))
        if given or len({value for value, _ in found}) > 1:
            findings.append(_twice(name, [source for _, source in found]))
            continue
        values[name], sources[name] = found[0]
    if open_to_others:
        findings.append(_open_to_others(open_to_others))
    return Taken(values, sources, tuple(findings), frozenset(trimmed & values.keys()))


def value(environment: Mapping[str, str], name: str) -> str | None:
    """Return one variable as ``take`` would make it, whatever is wrong with it or with others; None when it is unset.

    For commands that must not fail over a secret which they do not need.
    """
    return take(environment, name).values.get(name) or environment.get(name) or None


def content_of(name: str) -> str | None:
    """Return the variable whose value the variable ``name`` names a file for, None when it is no such name."""
    base = name.removesuffix(_SUFFIX)
    if base == name or not _NAME.fullmatch(base) or name in path_variables.FILES or _TOO_EARLY.fullmatch(base):
        return None
    return base


def _named(environment: Mapping[str, str], findings: list[Finding]) -> Iterator[_Place]:
    paths = {name.strip() for name in environment.get(_PATHS, "").split(",")}
    for variable, path in sorted(environment.items()):
        name = content_of(variable)
        if name is None or variable in paths or not path.strip():
            continue
        place = _Place(name, path.strip(), f"file named by {variable}")
        if who := path_variables.reader(name):
            findings.append(
                _error(
                    "secret-for-path",
                    f"{variable} would put a file's content into {name}, which means a path: {who}.",
                    f"Set {name} itself to the path, and remove {variable}.",
                )
            )
        elif not os.path.isabs(place.path):
            findings.append(
                _error(
                    "secret-file-missing",
                    f"{variable} does not hold a path that begins with /.",
                    f"Set it to the path of a file. If it holds the secret itself, call it {name}; {_OTHERWISE}",
                )
            )
        else:
            yield place


_OTHERWISE: Final = f"if it is no secret's file at all, list it in {_PATHS}."


def _in_directories(environment: Mapping[str, str], findings: list[Finding]) -> Iterator[_Place]:
    asked = environment.get(DIRECTORY, "").strip()
    named = {(variable, path.strip()) for variable, path in environment.items() if variable.endswith(_SUFFIX)}
    for directory in (asked or str(setting(DIRECTORY).default)).split(":"):
        if not directory.strip():
            continue
        if not os.path.isabs(directory):
            findings.append(_no_directory("its path does not begin with /", asked=True))
            continue
        try:
            names = sorted(os.listdir(directory))
        except (OSError, ValueError) as problem:
            if asked or getattr(problem, "errno", None) != errno.ENOENT:
                why = getattr(problem, "strerror", None) or type(problem).__name__
                findings.append(_no_directory(why, asked=bool(asked)))
            continue
        for name in names:
            path = os.path.join(directory, name)
            name = name.removeprefix(_BEFORE_NAME)
            why = _left_alone(name)
            if why is None:
                # Often a variable names the very file.
                if (f"{name}{_SUFFIX}", path) not in named:
                    yield _Place(name, path, f"file {path}")
            elif why and path not in {path for _, path in named} and os.path.isfile(path):
                findings.append(_unread(name, path, why))


def _left_alone(name: str) -> str | None:
    """Return why a file in a directory of secrets is no variable's, "" when nobody would think so; None when it is."""
    if not _NAME.fullmatch(name) or _TOO_EARLY.fullmatch(name):
        return ""
    if who := path_variables.reader(name):
        return f"{name} means a path: {who}"
    if name.endswith(_SUFFIX):
        return "a name that ends in _FILE means a path, and this is the content"
    if _CAPITALS.fullmatch(name):
        return None
    return "only names in capitals are taken for variables" if is_secret(name) else ""


def _content(place: _Place) -> bytes:
    try:
        # Before it is opened: a pipe would wait for a writer, and a device may do whatever it does.
        _refuse_other_kinds(place, os.stat(place.path).st_mode)
        descriptor = os.open(place.path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        with open(descriptor, "rb") as file:
            _refuse_other_kinds(place, os.fstat(descriptor).st_mode)
            # None where the kernel has nothing to say, as in some files of /proc.
            raw = file.read(_LARGEST + 1) or b""
    except (FileNotFoundError, NotADirectoryError):
        fix = f"Mount it, or correct the path; {_OTHERWISE}" if "named by" in place.source else "Mount it again."
        raise _refusal("secret-file-missing", f"The {place.source} does not exist.", fix) from None
    except PermissionError:
        raise _refusal(
            "secret-file-unreadable",
            f"The {place.source} may not be read by uid {os.getuid()} (gid {os.getgid()}): {_owner(place.path)}.",
            "Make it readable for gid 0 (chgrp 0 and chmod 0440; in Kubernetes fsGroup and defaultMode: 0440; of a "
            "Docker secret uid, gid and mode), or for that uid.",
        ) from None
    except (OSError, ValueError) as problem:
        why = getattr(problem, "strerror", None) or type(problem).__name__
        raise _refusal(
            "secret-file-unreadable", f"The {place.source} cannot be read: {why}.", "Mount a plain file."
        ) from None
    if len(raw) > _LARGEST:
        raise _refusal(
            "secret-file-unreadable",
            f"The {place.source} is larger than {_LARGEST // 1000} kB, and no variable can be.",
            f"Is it the right file? {_OTHERWISE.capitalize()}",
        )
    return raw


def _refuse_other_kinds(place: _Place, mode: int) -> None:
    if not stat.S_ISREG(mode):
        kind = dict(_KINDS).get(stat.S_IFMT(mode), "no plain file")
        raise _refusal("secret-file-unreadable", f"The {place.source} is {kind}.", "Mount a plain file there.")


def _owner(path: str) -> str:
    try:
        found = os.stat(path)
    except OSError:
        return "a directory on the way to it may not be entered"
    return f"it is of uid {found.st_uid} and gid {found.st_gid}, with mode {stat.S_IMODE(found.st_mode):04o}"


def _text(raw: bytes, place: _Place) -> tuple[str, bool]:
    """Return the value that a file's content stands for, and whether a newline at its end was left out."""
    if raw.startswith(_BYTE_ORDER_MARK):
        raise _bad(place, "begins with a byte order mark, which would be part of the value")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise _bad(place, "is not UTF-8 text") from None
    value = text.removesuffix("\n").removesuffix("\r") if text.endswith("\n") else text
    if "\0" in value:
        raise _bad(place, "holds a NUL byte, which no variable can")
    if not value.strip():
        raise _bad(place, "is empty" if not raw else "holds nothing but white space")
    if value != value.strip():
        raise _bad(place, "begins or ends with white space, beside one newline at its end, which would be sent along")
    return value, value != text


def _bad(place: _Place, why: str) -> Refusal:
    return _refusal(
        "secret-file-content",
        f"The {place.source} {why}.",
        "Write the value and nothing else into it, such as: printf %s VALUE > FILE.",
    )


def _modes(place: _Place, memory: Container[str]) -> Iterator[str]:
    """Yield the file with its mode if others may read it where others are: memory is mounted into one container."""
    try:
        found = os.stat(place.path)
    except OSError:
        return
    mode = stat.S_IMODE(found.st_mode)
    if mode & (stat.S_IWOTH if _number(found.st_dev) in memory else stat.S_IRWXO):
        yield f"the {place.source} (mode {mode:04o})"


def _some(files: Sequence[str]) -> str:
    more = len(files) - _TOLD
    return ", ".join(files[:_TOLD]) + (f" and {more} more" if more > 0 else "")


def _open_to_others(files: Sequence[str]) -> Finding:
    return Finding(
        "secret-file-open",
        "warning",
        f"Every user of the machine that they are mounted from may read or write these: {_some(files)}.",
        "Take the others' rights away (chmod o= FILE); gid 0 may keep reading it (chgrp 0 FILE, chmod 0440 FILE).",
        ExitCode.SECRET,
    )


def in_memory(device: int) -> bool:
    """Tell whether a device (``st_dev``) is a file system in memory, as secrets of Kubernetes and of Swarm are."""
    return _number(device) in _devices_in_memory()


def _devices_in_memory() -> frozenset[str]:
    """Source: proc_pid_mountinfo(5)."""
    try:
        lines = _MOUNTS.read_text().splitlines()
    except OSError:
        return frozenset()
    return frozenset(line.split()[2] for line in lines if line.partition(" - ")[2].split()[0] in _MEMORY)


def _number(device: int) -> str:
    return f"{os.major(device)}:{os.minor(device)}"


def _twice(name: str, sources: Iterable[str]) -> Finding:
    return _error(
        "secret-twice",
        f"{name} is given more than once: by the {' and by the '.join(sources)}.",
        "Keep one of them.",
    )


def _unread(name: str, path: str, why: str) -> Finding:
    return Finding(
        "secret-file-unread",
        "info",
        f"The file {path} is not read: {why}.",
        _where(name, path),
        ExitCode.SECRET,
    )


def _where(name: str, path: str) -> str:
    if path_variables.reader(name):
        return f"Set {name}={path} if it is to be used."
    if name.endswith(_SUFFIX):
        return f"Call it {name.removesuffix(_SUFFIX)} if it is to be used."
    return f"Call it {name.upper()}, or set {name.upper()}{_SUFFIX}={path}, if it is to be used."


def _no_directory(why: str, *, asked: bool) -> Finding:
    return Finding(
        "secrets-directory",
        "error" if asked else "warning",
        f"The directory of secrets ({DIRECTORY}) cannot be listed: {why}.",
        f"Mount it readable for gid 0, or correct {DIRECTORY}.",
        ExitCode.SECRET,
    )


def _error(id: str, what: str, fix: str) -> Finding:
    return Finding(id, "error", what, fix, ExitCode.SECRET)


def _refusal(id: str, what: str, fix: str) -> Refusal:
    return Refusal(_error(id, what, fix))
