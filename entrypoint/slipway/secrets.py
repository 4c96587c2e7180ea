"""Which variables hold secrets, where their values come from, and how they are shown."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

REDACTED: Final = "(set, redacted)"
# Of a process of the gateway: the variables that were in files when it was started, and those that it has taken over
# from what is in force (workers/environment.py), with commas between them.
FROM_FILES: Final = "SLIPWAY_SECRETS_FROM_FILES"
HELD: Final = "SLIPWAY_SECRETS_HELD"
_SECRET_NAME: Final = re.compile(
    r"KEY|TOKEN|SECRET|PASSW|CREDENTIAL|SALT|LICENSE|DSN|HEADERS|WEBHOOK|DATABASE_URL|DIRECT_URL|REDIS_URL", re.I
)
# Who logs in: a password may hold any sign, encoded or not, but what looks like a port is one. And a secret parameter.
_SECRET_IN_URL: Final = re.compile(
    r"//[^/\s]*@|//[^/\s@]*:(?!\d{1,5}/)\S*@|[?&][^=&\s]*(?:key|token|secret|passw|sig)[^=&\s]*=", re.I
)
# Names that match the pattern and hold a path or a switch.
_NOT_SECRET: Final = frozenset(
    {
        "SSL_KEYFILE_PATH",
        "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY",
        "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS",
        "IAM_TOKEN_DB_AUTH",
        "SLIPWAY_ALLOW_MASTER_KEY_AS_SALT",
        "SLIPWAY_METRICS_TOKEN_FILE",
        "SLIPWAY_SECRETS_DIR",
    }
)
# Of this process's environment: which variables have their values from files, and how messages call the file.
_from_files: dict[str, str] = {}


def remember(sources: Mapping[str, str]) -> None:
    """Note which variables of this process's environment came from which files, in place of what was noted before."""
    _from_files.clear()
    _from_files.update(sources)


def origin(name: str) -> str:
    """Say where the variable ``name`` has its value from: ``variable NAME``, or a file."""
    return _from_files.get(name, f"variable {name}")


def of_this_gateway(environment: Mapping[str, str]) -> set[str]:
    """Name the variables that a process of the gateway has from files: nobody else has set them."""
    return {name for mark in (FROM_FILES, HELD) for name in environment.get(mark, "").split(",") if name}


def is_secret(name: str) -> bool:
    """Tell whether the variable ``name`` is one whose value must never be shown: what came from a file always is."""
    return name in _from_files or (name not in _NOT_SECRET and _SECRET_NAME.search(name) is not None)


def redact(name: str, value: str) -> str:
    """Return ``value`` as it may be shown: whole, or a marker when its name or a URL in it makes it secret."""
    return REDACTED if is_secret(name) or _SECRET_IN_URL.search(value) else value
