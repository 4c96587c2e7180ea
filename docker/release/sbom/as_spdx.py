"""The list of parts as SPDX 2.3."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from license_expression import ExpressionError, get_spdx_licensing
from spdx_tools.spdx.jsonschema.document_converter import DocumentConverter
from spdx_tools.spdx.model import (
    Actor,
    ActorType,
    CreationInfo,
    Document,
    ExternalPackageRef,
    ExternalPackageRefCategory,
    ExtractedLicensingInfo,
    Package,
    PackagePurpose,
    Relationship,
    RelationshipType,
    SpdxNoAssertion,
)

from sbom.as_cyclonedx import url
from sbom.component import Component
from sbom.subject import Subject

_IMAGE = "SPDXRef-image"
_LICENSING = get_spdx_licensing()


def document(subject: Subject, components: Sequence[Component]) -> Document:
    """Return the document; licences that SPDX has no name for are its own, as the package states them."""
    others: dict[str, str] = {}
    # The library writes a time as it is, and calls it UTC.
    created = datetime.fromtimestamp(subject.epoch, tz=UTC).replace(tzinfo=None)
    made = Document(
        CreationInfo(
            spdx_version="SPDX-2.3", spdx_id="SPDXRef-DOCUMENT", name=f"{subject.name} {subject.version}",
            document_namespace=f"https://github.com/OWNER/slipway/sbom/{subject.identity.removeprefix('sha256:')}",
            creators=[Actor(ActorType.TOOL, "slipway")], created=created,
        )
    )  # fmt: skip
    made.packages.append(
        Package(
            spdx_id=_IMAGE, name=subject.name, version=subject.version, download_location=SpdxNoAssertion(),
            files_analyzed=False, primary_package_purpose=PackagePurpose.CONTAINER,
        )
    )  # fmt: skip
    made.relationships.append(Relationship("SPDXRef-DOCUMENT", RelationshipType.DESCRIBES, _IMAGE))
    for component in components:
        package = _package(component, others)
        made.packages.append(package)
        made.relationships.append(Relationship(_IMAGE, RelationshipType.CONTAINS, package.spdx_id))
    made.extracted_licensing_info = [
        ExtractedLicensingInfo(license_id=name, extracted_text=text, license_name=text)
        for name, text in sorted(others.items())
    ]
    return made


def write(subject: Subject, components: Sequence[Component]) -> str:
    """Return the document: the same bytes for the same image."""
    content: dict[str, Any] = DocumentConverter().convert(document(subject, components))
    return json.dumps(content, indent=2, sort_keys=True) + "\n"


def _package(component: Component, others: dict[str, str]) -> Package:
    words = [_licence(licence, others) for licence in component.licences]
    return Package(
        spdx_id=f"SPDXRef-{_word(component.id)}", name=component.name, version=component.version,
        download_location=SpdxNoAssertion(), files_analyzed=False,
        license_declared=_LICENSING.parse(" AND ".join(words)) if words else SpdxNoAssertion(),
        external_references=[
            ExternalPackageRef(
                ExternalPackageRefCategory.PACKAGE_MANAGER, "purl", url(component).to_string()
            )
        ],
    )  # fmt: skip


def _licence(stated: str, others: dict[str, str]) -> str:
    try:
        return f"({_LICENSING.parse(stated, validate=True)})"
    except ExpressionError:
        name = f"LicenseRef-{_word(stated)[:60]}"
        others[name] = stated
        return name


def _word(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9.]+", "-", text).strip("-")
