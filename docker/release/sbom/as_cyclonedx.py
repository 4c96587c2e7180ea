"""The list of parts as CycloneDX 1.6."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component as Part
from cyclonedx.model.component import ComponentType
from cyclonedx.model.contact import OrganizationalEntity
from cyclonedx.model.license import DisjunctiveLicense
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.spdx import is_supported_id
from packageurl import PackageURL

from sbom.component import Component
from sbom.subject import Subject


def write(subject: Subject, components: Sequence[Component]) -> str:
    """Return the document: the same bytes for the same image."""
    make = LicenseFactory()
    bom = Bom(serial_number=uuid.uuid5(uuid.NAMESPACE_OID, subject.identity))
    bom.metadata.timestamp = datetime.fromtimestamp(subject.epoch, tz=UTC)
    bom.metadata.component = Part(
        name=subject.name, version=subject.version, type=ComponentType.CONTAINER, bom_ref=subject.identity
    )
    for component in components:
        purl = url(component)
        part = Part(
            name=component.name, version=component.version, purl=purl, bom_ref=purl.to_string(),
            type=ComponentType.APPLICATION if component.kind == "generic" else ComponentType.LIBRARY,
            supplier=OrganizationalEntity(name=component.supplier) if component.supplier else None,
        )  # fmt: skip
        # An expression may only stand alone.
        single = len(component.licences) == 1
        for licence in component.licences:
            part.licenses.add(make.make_from_string(licence) if single else _named(make, licence))
        bom.components.add(part)
    bom.register_dependency(bom.metadata.component, bom.components)
    return JsonV1Dot6(bom).output_as_string(indent=2) + "\n"


def _named(make: LicenseFactory, licence: str) -> DisjunctiveLicense:
    return make.make_with_id(licence) if is_supported_id(licence) else make.make_with_name(licence)


def url(component: Component) -> PackageURL:
    """Return a component's package URL."""
    return PackageURL(
        type=component.kind, namespace=component.namespace or None, name=component.name, version=component.version,
        qualifiers=dict(component.qualifiers),
    )  # fmt: skip
