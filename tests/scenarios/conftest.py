from __future__ import annotations

from pathlib import Path

import pytest

from tests.scenarios.site import Site, build
from tests.support.lab import Lab


@pytest.fixture
def site(lab: Lab, tmp_path: Path) -> Site:
    return build(lab, tmp_path)
