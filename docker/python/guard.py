"""Build stage: nothing that is known to be bad, and a RECORD for each package that is true.

Usage: guard.py lock FILE...       refuses requirements with a release that must never run
       guard.py installed PACKAGES refuses files that differ from what the wheels said, and files Python runs unasked
       guard.py seal PACKAGES      makes RECORDs true after what the build changes on purpose, each change for a reason
"""

from __future__ import annotations

import csv
import os
import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from slipway.integrity import known_bad, records, startup_files
from slipway.integrity.records import Difference
from slipway.patches import PATCHES

MANIFEST = "differences.csv"
_SAID = {"missing": "left out", "unexpected": "added"}
_PATCHED = {patch.file: patch.name for patch in PATCHES}
# What docker/python/trim.sh, install.sh and docker/prisma/generate.sh change, in their order: kind, path, reason.
_RULES = (
    ("missing", r"litellm/proxy/_experimental/out/.*", "the admin UI, which the image has in /var/lib/litellm"),
    ("missing", r"(.+/)?(tests|test-data)/.*", "a library's own tests"),
    ("missing", r".*\.(pyi|pyx|pxd|h|c)", "for type checkers and compilers"),
    ("modified", r".*\.so(\.[\d.]+)?", "a native library without its symbols"),
    ("unexpected", r"(.+/)?__pycache__/[^/]+\.pyc", "bytecode, compiled at build"),
    ("missing", r"\.\./\.\./\.\./bin/prisma(-client-py)?", "would fetch Node and engines; the image has its own"),
    ("unexpected", r"prisma/.*", "LiteLLM's database client, generated at build"),
    ("modified", r"prisma/.*", "LiteLLM's database client, generated at build"),
)


def reason(difference: Difference) -> str | None:
    """Say why a file of the image is not its wheel's, None when nothing in the build changes it."""
    if difference.kind == "modified" and difference.path in _PATCHED:
        return f"the patch {_PATCHED[difference.path]}"
    return next(
        (why for kind, path, why in _RULES if kind == difference.kind and re.fullmatch(path, difference.path)), None
    )


def complaints_of_locks(files: list[str]) -> Iterator[str]:
    """Yield one sentence for each release that must never run."""
    for file in files:
        for name, version, bad in known_bad.locked(Path(file).read_text(encoding="utf-8")):
            yield f"{file} locks {name} {version}, which {bad.reason} ({bad.source})"


def complaints_of_installed(packages: Path) -> Iterator[str]:
    """Yield one sentence for each release, file and startup file that must not be there."""
    for name, version, bad in known_bad.installed(packages):
        yield f"{name} {version} is installed, which {bad.reason} ({bad.source})"
    for path in startup_files.foreign([packages, Path(os.__file__).parent]):
        yield f"Python would run {path} at each start; allow it in startup_files.py with a reason, or leave it out"
    for difference in records.verify(packages, float("inf")).differences:
        yield f"{difference.path} is {difference.kind}: not what its wheel's RECORD says"


def seal(packages: Path) -> None:
    """Make RECORDs true and write down what was changed on purpose. Raises ValueError for a change without a reason."""
    changed = records.renew(packages, reason)
    _note(packages.parents[2] / MANIFEST, changed)
    for why, count in sorted(Counter(changed.values()).items()):
        print(f"guard: {count} {'files' if count > 1 else 'file'}: {why}", file=sys.stderr)


def _note(manifest: Path, changed: Mapping[Difference, str]) -> None:
    """Add to the manifest: each file that differs from its wheel's, and the number of those left out or added."""
    files = sorted((item.path, why) for item, why in changed.items() if item.kind == "modified")
    rows = [(path, "changed", why) for path, why in files]
    groups = Counter((_SAID[item.kind], why) for item, why in changed.items() if item.kind != "modified")
    rows += [(f"{count} files", said, why) for (said, why), count in sorted(groups.items())]
    heading = [] if manifest.exists() else [("file", "is", "because")]
    with manifest.open("a", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([*heading, *rows])


def main() -> int:
    """Print every complaint and return 1 when there is one."""
    verb, *places = sys.argv[1:]
    try:
        if verb == "seal":
            seal(Path(places[0]))
            found = []
        else:
            found = [*(complaints_of_locks(places) if verb == "lock" else complaints_of_installed(Path(places[0])))]
    except (OSError, ValueError) as problem:
        found = [str(problem)]
    for complaint in found[:20]:
        print(f"guard: {complaint}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
