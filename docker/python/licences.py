"""Build stage: every installed package must have a licence that requirements/licences.toml allows.

Usage: licences.py VENV ALLOWED ENTERPRISE. ENTERPRISE is 1 when a licensee adds LiteLLM's proprietary package, which is
refused otherwise. An exception for a package that no longer needs one fails the build too.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path

PROPRIETARY = "litellm-enterprise"
_SEPARATORS = re.compile(r"\s+(?:AND|OR|WITH)\s+|[()]")


def stated(package: Distribution) -> list[str]:
    """Return the licences a package states: its SPDX expression, else its classifiers, else its text's first line."""
    metadata = package.metadata
    if expression := metadata["License-Expression"]:
        return _SEPARATORS.split(expression)
    prefix = "License :: "
    classifiers = [
        value.rpartition(" :: ")[2]
        for value in metadata.get_all("Classifier") or []
        if value.startswith(prefix) and value != "License :: OSI Approved"
    ]
    text = (metadata["License"] or "").strip().splitlines()
    if classifiers or not text:
        return classifiers
    return _SEPARATORS.split(text[0])


def complaints(packages: list[Distribution], allowed: set[str], exceptions: set[str]) -> Iterator[str]:
    """Yield one sentence for each package that may not be shipped. ``allowed`` is in lower case."""
    for package in packages:
        name = normalized(package)
        found = [licence.strip() for licence in stated(package) if licence.strip()]
        unknown = [licence for licence in found if licence.lower() not in allowed]
        if (unknown or not found) and name not in exceptions:
            yield f"{name} {package.version}: {', '.join(unknown) or 'no licence stated'}"
        if found and not unknown and name in exceptions:
            yield f"the exception for {name} is not needed any more"


def normalized(package: Distribution) -> str:
    """Return the package's name as the index writes it."""
    return re.sub(r"[-_.]+", "-", package.name).lower()


def main() -> int:
    """Print every complaint and return 1 when there is one."""
    venv, rules_file, enterprise = sys.argv[1:4]
    rules = tomllib.loads(Path(rules_file).read_text())
    folder = next((Path(venv) / "lib").glob("python3.*")) / "site-packages"
    packages = sorted(distributions(path=[str(folder)]), key=normalized)
    found = []
    if enterprise != "1" and any(normalized(package) == PROPRIETARY for package in packages):
        found.append(f"{PROPRIETARY} is proprietary and must not be part of an image that is published")
    open_source = [package for package in packages if normalized(package) != PROPRIETARY]
    allowed = {str(licence).lower() for licence in rules["allowed"]}
    found += complaints(open_source, allowed, set(rules["exceptions"]))
    for complaint in found:
        print(f"licences: {complaint}", file=sys.stderr)
    if found:
        print("licences: allow the licence, or name the package with a reason, in licences.toml", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
