"""The RECORD of each installed package: which files it has, with their hashes.

Source: the binary distribution format (wheel) and PEP 376. RECORD is CSV: path, hash, size; a path is relative to the
folder that holds the package's .dist-info, a hash is ``sha256=`` and URL-safe Base64 without padding. An entry without
a hash, such as RECORD's own, cannot be verified.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

Kind = Literal["modified", "missing", "unexpected"]
# Modules, their bytecode and native libraries: what Python would run.
_CODE: Final = r".+\.(py|pyc|so|so\.[\d.]+)"
_PREFIX: Final = "sha256="
_THREADS: Final = 2
_BLOCK: Final = 200
# More than a hash is long.
_LENGTH: Final = 80


@dataclass(frozen=True, slots=True)
class Difference:
    """A file that is not as its RECORD says; ``path`` is relative to the folder, with slashes."""

    path: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Verified:
    """``differences`` among the first ``seen`` of ``listed`` files; fewer than all where the time was up."""

    differences: tuple[Difference, ...]
    seen: int
    listed: int


def digest(path: Path) -> str:
    """Return a file's hash as RECORD writes it, without the algorithm's name. Raises OSError."""
    with path.open("rb") as file:
        whole = hashlib.file_digest(file, "sha256")
    return base64.urlsafe_b64encode(whole.digest()).rstrip(b"=").decode()


def read(record: Path) -> list[tuple[str, str]]:
    """Return (path, hash or "") of each entry of a RECORD. Raises OSError, ValueError."""
    # Imported here: a start needs it as little as threads and patterns below.
    import csv

    with record.open(encoding="utf-8", newline="") as file:
        try:
            rows = [row for row in csv.reader(file) if row]
        except csv.Error as problem:
            raise ValueError(f"{record} is not CSV") from problem
    return [(os.path.normpath(row[0]), _hash(row[1]) if len(row) > 1 else "") for row in rows]


def listed(folder: Path) -> dict[str, set[str]]:
    """Return the hashes of each file that packages in ``folder`` name; two may share one. Raises as ``read``."""
    found: dict[str, set[str]] = {}
    for record in sorted(folder.glob("*.dist-info/RECORD")):
        for path, hash in read(record):
            found.setdefault(path, set()).add(hash)
    return found


def verify(folder: Path, seconds: float, *, first: str = "", unexpected: bool = True) -> Verified:
    """Compare every file in ``folder`` with what RECORDs say, those that begin with ``first`` before others.

    Ends after ``seconds``; ``unexpected`` looks for code that no RECORD names. Raises as ``read``.
    """
    from concurrent.futures import ThreadPoolExecutor

    until = time.monotonic() + seconds
    known = listed(folder)
    found = [Difference(path, "unexpected") for path in _code(folder) if path not in known] if unexpected else []
    pending = sorted(known.items(), key=lambda item: not item[0].startswith(first))
    seen = 0
    with ThreadPoolExecutor(_THREADS) as pool:
        while seen < len(pending) and time.monotonic() < until:
            block = pending[seen : seen + _BLOCK]
            found += filter(None, pool.map(lambda item: _compare(folder, *item), block))
            seen += len(block)
    return Verified(tuple(found), seen, len(pending))


def verify_some(record: Path, paths: Iterable[str]) -> Iterator[Difference]:
    """Compare a few files with one RECORD without reading all of it as CSV; one that is not listed is passed over.

    Raises OSError.
    """
    text, place = b"\n" + record.read_bytes(), 0
    # In the order of a RECORD that the build has made true, so that it is gone through once.
    for path in sorted(paths):
        start = f"\n{path},{_PREFIX}".encode()
        found = text.find(start, place)
        found = text.find(start) if found < 0 else found
        if found < 0:
            continue
        place = found + len(start)
        hash = text[place : place + _LENGTH].partition(b",")[0].decode(errors="replace")
        if difference := _compare(record.parent.parent, path, {hash}):
            yield difference


def _hash(text: str) -> str:
    return text.removeprefix(_PREFIX) if text.startswith(_PREFIX) else ""


def _compare(folder: Path, path: str, hashes: Iterable[str]) -> Difference | None:
    try:
        known = set(hashes) - {""}
        if not known:
            return None if os.path.lexists(folder / path) else Difference(path, "missing")
        return None if digest(folder / path) in known else Difference(path, "modified")
    except FileNotFoundError:
        return Difference(path, "missing")
    except OSError:
        # A folder in its place, or no right to read it.
        return Difference(path, "modified")


def _code(folder: Path) -> Iterator[str]:
    for parent, _, names in os.walk(folder):
        inner = os.path.relpath(parent, folder)
        for name in names:
            if re.fullmatch(_CODE, name):
                yield os.path.normpath(os.path.join(inner, name))


def renew(folder: Path, reason: Callable[[Difference], str | None]) -> Mapping[Difference, str]:
    """Make every RECORD in ``folder`` true again, at build, and return what differed with its reason.

    Bytecode goes to the package of its source, another unexpected file to a package that has files beside it. Raises
    ValueError for a difference without a reason.
    """
    differences = verify(folder, float("inf")).differences
    reasons = {difference: why for difference in differences if (why := reason(difference)) is not None}
    if unknown := sorted(f"{item.path} ({item.kind})" for item in differences if item not in reasons):
        raise ValueError(f"nobody said why {len(unknown)} files differ: {', '.join(unknown[:10])}")
    contents = {record: [path for path, _ in read(record)] for record in sorted(folder.glob("*.dist-info/RECORD"))}
    owners = {path: record for record, paths in contents.items() for path in paths}
    neighbours = {os.path.dirname(path): record for path, record in owners.items()}
    changed = set()
    for difference in differences:
        source = _source(difference.path)
        owner = owners.get(difference.path) or owners.get(source) or neighbours.get(os.path.dirname(source))
        if owner is None:
            raise ValueError(f"no package has a file beside {difference.path}")
        changed.add(owner)
        if difference.kind == "unexpected":
            contents[owner].append(difference.path)
    missing = {difference.path for difference in differences if difference.kind == "missing"}
    for record in changed:
        _write(record, folder, sorted({*contents[record]} - missing))
    return reasons


def _source(path: str) -> str:
    """Return the module of a bytecode file, ``path`` itself for any other."""
    parent, name = os.path.split(path)
    if os.path.basename(parent) != "__pycache__":
        return path
    return os.path.join(os.path.dirname(parent), name.removesuffix(".pyc").rpartition(".")[0] + ".py")


def _write(record: Path, folder: Path, paths: Iterable[str]) -> None:
    import csv

    own = os.path.relpath(record, folder)
    with record.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        for path in paths:
            if path == own:
                writer.writerow((path, "", ""))
            else:
                writer.writerow((path, _PREFIX + digest(folder / path), (folder / path).stat().st_size))
