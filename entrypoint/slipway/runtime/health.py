"""What `healthcheck`, `drain` and `reload` do: ask the running gateway.

The gateway leaves the URLs to ask in its runtime directory: these commands do not see its command line's flags.
"""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import Final

from slipway.runtime.addresses import reachable
from slipway.runtime.directories import FALLBACK
from slipway.settings import setting

_FILE: Final = "health.json"
_TIMEOUT_SECONDS: Final = 4
_POLL_SECONDS: Final = 0.2
_NO_SUPERVISOR: Final = (
    "no supervisor runs here: SLIPWAY_SUPERVISOR is off, or no gateway; run this in the gateway's container"
)


def remember(runtime: Path, *, management: tuple[str, int] | None, gateway: tuple[str, int, bool]) -> None:
    """Write down which URLs tell this gateway's health and drain it.

    ``management`` is the supervisor's (host, port), or None; ``gateway`` is (host, port, whether it speaks TLS).
    """
    if management is not None:
        base = f"http://{_local(management[0])}:{management[1]}"
        # This process becomes the supervisor.
        urls = {"health": f"{base}/readyz", "management": base, "supervisor": str(os.getpid())}
    else:
        scheme = "https" if gateway[2] else "http"
        urls = {"health": f"{scheme}://{_local(gateway[0])}:{gateway[1]}/health/liveliness"}
    (runtime / _FILE).write_text(json.dumps(urls))


def check() -> str | None:
    """Return None when the gateway is healthy, else the reason why not."""
    # Imported here: a start only writes the URL down.
    import ssl
    import urllib.error
    import urllib.request

    url = (
        _remembered("health")
        or f"http://127.0.0.1:{os.environ.get('PORT') or setting('PORT').default}/health/liveliness"
    )
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


def drain() -> str | None:
    """Ask the gateway to drain and wait until its requests are done; return None, or the reason why it was not asked.

    Returns when the gateway has stopped: the container ends at the same moment.
    """
    import urllib.error
    import urllib.request

    base = _remembered("management")
    if base is None:
        return _NO_SUPERVISOR
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        token = os.environ.get("DRAIN_ENDPOINT_TOKEN")
        asked = urllib.request.Request(
            f"{base}/drain", method="POST", headers={"X-Drain-Token": token} if token else {}
        )
        with opener.open(asked, timeout=_TIMEOUT_SECONDS):
            pass
        while True:
            with opener.open(f"{base}/livez", timeout=_TIMEOUT_SECONDS):
                time.sleep(_POLL_SECONDS)
    except urllib.error.HTTPError as problem:
        return None if problem.code == 503 else f"{problem.url} answered {problem.code}"
    except OSError as problem:
        return f"{base} did not answer: {problem}"


def reload() -> str | None:
    """Ask the supervisor for a reload as SIGHUP does; return None, or the reason why it was not asked.

    `docker kill --signal HUP` asks too, but Docker then takes the container for one that was stopped by hand and does
    not start it again by its restart policy (moby issue 41302).
    """
    number = _remembered("supervisor")
    if number is None:
        return _NO_SUPERVISOR
    try:
        os.kill(int(number), signal.SIGHUP)
    except OSError as problem:
        return f"the supervisor cannot be asked: {problem.strerror}"
    return None


def _remembered(name: str) -> str | None:
    own = os.environ.get("SLIPWAY_RUNTIME_DIR") or str(setting("SLIPWAY_RUNTIME_DIR").default)
    for directory in (Path(own), FALLBACK):
        try:
            return str(json.loads((directory / _FILE).read_text())[name])
        except (OSError, ValueError, KeyError):
            continue
    return None


def _local(host: str) -> str:
    host = reachable(host)
    return f"[{host}]" if ":" in host else host
