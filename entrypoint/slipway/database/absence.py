"""Whether a gateway may serve while its database is away; known without a database driver."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from slipway.config_file import section
from slipway.settings import parse_switch

_TOLERANT: Final = "allow_requests_on_db_unavailable"


def tolerates_absence(config: Mapping[str, object]) -> bool:
    """Tell whether requests are served while the database is away (LiteLLM's ``allow_requests_on_db_unavailable``)."""
    written = section(config, "general_settings").get(_TOLERANT)
    return written is True or (isinstance(written, str) and parse_switch(written) is True)
