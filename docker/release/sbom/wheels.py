"""Python's packages, of their dist-info folders. Source: the core metadata and the RECORD file of a wheel."""

from __future__ import annotations

import csv
import posixpath
import re
from collections.abc import Iterator
from email.parser import HeaderParser

from sbom.component import Component
from sbom.tree import Tree

# The gateway's own, and what the builder image has for building.
_PLACES = ("/opt/slipway/venv/", "/usr/local/lib/")


def find(tree: Tree) -> Iterator[Component]:
    """Yield each installed distribution with the files that its RECORD lists."""
    for path in (path for place in _PLACES for path in tree.below(place, ".dist-info/METADATA")):
        metadata = HeaderParser().parsestr(tree.texts[path])
        folder = posixpath.dirname(path)
        rows = csv.reader(tree.texts[f"{folder}/RECORD"].splitlines())
        site = posixpath.dirname(folder)
        expression, text = metadata["License-Expression"], (metadata["License"] or "").strip()
        classifiers = [
            value.rpartition(" :: ")[2]
            for value in metadata.get_all("Classifier") or []
            if value.startswith("License :: ") and value != "License :: OSI Approved"
        ]
        stated = [expression] if expression else classifiers or text.splitlines()[:1]
        yield Component(
            "pypi", re.sub(r"[-_.]+", "-", metadata["Name"]).lower(), metadata["Version"], tuple(stated),
            files=frozenset(posixpath.normpath(posixpath.join(site, row[0])) for row in rows if row),
            supplier=metadata["Author"] or "",
        )  # fmt: skip
