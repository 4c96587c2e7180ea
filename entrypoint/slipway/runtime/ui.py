"""The admin UI under a path prefix on a read-only root.

The image holds one copy of the UI. LiteLLM rewrites it in place for SERVER_ROOT_PATH (proxy_server.py, the block before
``app.mount("/ui")``), which a read-only root forbids and several workers would do at the same time. Here it is copied
and rewritten once, before the server starts; the copy's files are read-only, so LiteLLM finds nothing left to do.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Final

from slipway.report import ExitCode, refuse

PACKAGED: Final = Path("/var/lib/litellm/ui")
_ASSET_PREFIX: Final = "/litellm-asset-prefix"
_CONFIG_PATH: Final = "/litellm/.well-known/litellm-ui-config"
_BINARY: Final = frozenset({".png", ".jpg", ".jpeg", ".gif", ".ico", ".woff", ".woff2", ".ttf", ".eot"})


def wanted(environment: dict[str, str]) -> bool:
    """Tell whether a rewritten copy is needed: a prefix is set and the UI to serve cannot be written by LiteLLM."""
    served = Path(environment.get("LITELLM_UI_PATH") or PACKAGED)
    return _prefix(environment) != "" and PACKAGED.is_dir() and not os.access(served, os.W_OK)


def rewrite(environment: dict[str, str], target: Path) -> None:
    """Copy the UI to ``target`` with the prefix in every text file. Raises Refusal (67) when there is no room."""
    prefix = _prefix(environment)
    try:
        shutil.rmtree(target, ignore_errors=True)
        for source in sorted(PACKAGED.rglob("*")):
            copy = target / source.relative_to(PACKAGED)
            if source.is_dir():
                copy.mkdir(parents=True, exist_ok=True)
                continue
            copy.parent.mkdir(parents=True, exist_ok=True)
            content = source.read_bytes()
            if source.suffix.lower() not in _BINARY:
                content = content.replace(_ASSET_PREFIX.encode(), prefix.encode())
                content = content.replace(_CONFIG_PATH.encode(), f"{prefix}/.well-known/litellm-ui-config".encode())
            copy.write_bytes(content)
            copy.chmod(0o444)
    except OSError as problem:
        raise refuse(
            "ui-no-room",
            ExitCode.DIRECTORY,
            f"The admin UI cannot be copied to {target} for SERVER_ROOT_PATH: {problem.strerror}.",
            "Give that directory 64 MB, or unset SERVER_ROOT_PATH.",
        ) from None


def _prefix(environment: dict[str, str]) -> str:
    return environment.get("SERVER_ROOT_PATH", "").rstrip("/")
