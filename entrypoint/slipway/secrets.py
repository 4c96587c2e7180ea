"""Which variables hold secrets, and how their values are shown."""

from __future__ import annotations

import re
from typing import Final

REDACTED: Final = "(set, redacted)"
_SECRET_NAME: Final = re.compile(
    r"KEY|TOKEN|SECRET|PASSW|CREDENTIAL|SALT|LICENSE|DSN|HEADERS|WEBHOOK|DATABASE_URL|DIRECT_URL|REDIS_URL", re.I
)
_PASSWORD_IN_URL: Final = re.compile(r"//[^/\s@]*:[^/\s@]+@")
# Names that match the pattern and hold a path or a switch.
_NOT_SECRET: Final = frozenset(
    {
        "SSL_KEYFILE_PATH",
        "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY",
        "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS",
        "IAM_TOKEN_DB_AUTH",
        "SLIPWAY_ALLOW_MASTER_KEY_AS_SALT",
        "SLIPWAY_METRICS_TOKEN_FILE",
    }
)


def is_secret(name: str) -> bool:
    """Tell whether the variable ``name`` is one whose value must never be shown."""
    return name not in _NOT_SECRET and _SECRET_NAME.search(name) is not None


def redact(name: str, value: str) -> str:
    """Return ``value`` as it may be shown: whole, or a marker when its name or a password in a URL makes it secret."""
    if is_secret(name):
        return REDACTED
    return REDACTED if _PASSWORD_IN_URL.search(value) else value
