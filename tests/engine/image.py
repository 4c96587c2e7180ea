"""Builds the image of the suite on the image under test."""

from __future__ import annotations

from tests.support.build import extended


def build(image: str) -> str:
    """Build IMAGE-conformance; returns its name."""
    return extended(image, "conformance", "tests/engine/Dockerfile")
