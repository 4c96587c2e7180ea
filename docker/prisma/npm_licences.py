"""Build stage: every npm package that is shipped must have a licence that requirements/licences.toml allows.

Usage: npm_licences.py ALLOWED PACKAGE_LOCK…. Packages for development only (bundler, compiler) are not shipped.
"""

from __future__ import annotations

import json
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path


def complaints(lock: Path, allowed: set[str]) -> Iterator[str]:
    """Yield one sentence for each package of a lock that may not be shipped. ``allowed`` is in lower case."""
    for path, package in json.loads(lock.read_text())["packages"].items():
        if not path or package.get("dev") or package.get("optional"):
            continue
        stated = str(package.get("license", ""))
        choices = [choice.strip("() ") for choice in re.split(r"\s+OR\s+", stated)]
        if not any(choice.lower() in allowed for choice in choices):
            yield f"{path} {package.get('version')}: {stated or 'no licence stated'}"


def main() -> int:
    """Print every complaint and return 1 when there is one."""
    rules = tomllib.loads(Path(sys.argv[1]).read_text())
    allowed = {str(licence).lower() for licence in rules["allowed"]}
    found = [complaint for lock in sys.argv[2:] for complaint in complaints(Path(lock), allowed)]
    for complaint in found:
        print(f"licences: {complaint}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
