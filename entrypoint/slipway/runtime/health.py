"""The container's health check: asks what the running gateway itself says.

The gateway leaves the URL to ask in its runtime directory: a health check does not see the command line's flags.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Final

from slipway.runtime.addresses import reachable
from slipway.runtime.directories import FALLBACK
from slipway.settings import setting

_FILE: Final = "health.json"
_TIMEOUT_SECONDS: Final = 4


def remember(runtime: Path, *, management: tuple[str, int] | None, gateway: tuple[str, int, bool]) -> None:
    """Write down which URL tells this gateway's health.

    ``management`` is the supervisor's (host, port), or None; ``gateway`` is (host, port, whether it speaks TLS).
    """
    if management is not None:
        url = f"http://{_local(management[0])}:{management[1]}/readyz"
    else:
        url = f"{'https' if gateway[2] else 'http'}://{_local(gateway[0])}:{gateway[1]}/health/liveliness"
    (runtime / _FILE).write_text(json.dumps({"url": url}))


def check() -> str | None:
    """Return None when the gateway is healthy, else the reason why not."""
    # Imported here: a start only writes the URL down.
    import ssl
    import urllib.error
    import urllib.request

    url = _remembered() or f"http://127.0.0.1:{os.environ.get('PORT') or setting('PORT').default}/health/liveliness"
    # The gateway's own certificate need not name the loopback address.
    context = ssl._create_unverified_context() if url.startswith("https:") else None
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), *([urllib.request.HTTPSHandler(context=context)] if context else [])
    )
    try:
        with opener.open(url, timeout=_TIMEOUT_SECONDS):
            return None
    except urllib.error.HTTPError as problem:
        return f"{url} answered {problem.code}: {problem.read(200).decode(errors='replace')}"
    except OSError as problem:
        return f"{url} did not answer: {problem}"


def _remembered() -> str | None:
    own = os.environ.get("SLIPWAY_RUNTIME_DIR") or str(setting("SLIPWAY_RUNTIME_DIR").default)
    for directory in (Path(own), FALLBACK):
        try:
            return str(json.loads((directory / _FILE).read_text())["url"])
        except (OSError, ValueError, KeyError):
            continue
    return None


def _local(host: str) -> str:
    host = reachable(host)
    return f"[{host}]" if ":" in host else host
