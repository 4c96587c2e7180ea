"""Which advisories do not apply, and why, as OpenVEX 0.2.0.

Source: the OpenVEX specification, 0.2.0 (sections "Document", "Statement", "Status Justifications").
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Any, Final

from sbom.as_cyclonedx import url
from sbom.component import Component
from sbom.subject import Subject
from sbom.tree import Tree

CONTEXT: Final = "https://openvex.dev/ns/v0.2.0"


def write(
    subject: Subject, tree: Tree, components: Sequence[Component], statements: Sequence[Mapping[str, Any]]
) -> str:
    """Return the document, of those statements that hold of this image: the same bytes for the same image."""
    purls = {component.id: url(component).to_string() for component in components}
    document = {
        "@context": CONTEXT,
        "@id": uuid.uuid5(uuid.NAMESPACE_OID, f"vex {subject.identity}").urn,
        "author": "Slipway",
        "timestamp": datetime.fromtimestamp(subject.epoch, tz=UTC).isoformat(),
        "version": 1,
        "statements": [
            {
                "vulnerability": {"name": statement["vulnerability"]},
                "products": [
                    {"@id": f"pkg:oci/{subject.name}", "subcomponents": [{"@id": purls[statement["component"]]}]}
                ],
                "status": "not_affected",
                "justification": statement["justification"],
                "impact_statement": statement["reason"],
            }
            for statement in statements
            if statement["component"] in purls and _holds(tree, statement)
        ],
    }
    return json.dumps(document, indent=2) + "\n"


def _holds(tree: Tree, statement: Mapping[str, Any]) -> bool:
    return not any(fnmatchcase(path, pattern) for pattern in statement["absent"] for path in tree)
