"""What `healthcheck`, `drain` and `reload` do: ask the running gateway.

The gateway leaves the URLs to ask in its runtime directory: these commands do not see its command line's flags.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from pathlib import Path
from typing import Final

from slipway import secret_files
from slipway.report import ExitCode, Finding
from slipway.runtime import reload_progress
from slipway.runtime.addresses import reachable
from slipway.runtime.assignment import DRAIN_TOKEN
from slipway.runtime.directories import FALLBACK, WORKERS
from slipway.settings import setting
from slipway.workers import configuration

_FILE: Final = "health.json"
_TIMEOUT_SECONDS: Final = 4
_POLL_SECONDS: Final = 0.2
_LONGEST_ANSWER: Final = 1000
# By what /readyz says.
_FIXES: Final = {
    "starting": "Wait for its workers; the log says what they wait for.",
    "not listening": "Wait for its server; the log says what it waits for.",
    "draining": "None: it has been told to end, and finishes its requests.",
    "stopped": "See the log for why its server ended; the container ends, too.",
    "blocked": "See what its workers do (py-spy dump); they are replaced after TIMEOUT_WORKER_HEALTHCHECK seconds.",
    "database away": "Bring the database back; no worker reaches it.",
}
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


def check() -> Finding | None:
    """Return None when the gateway is ready, else why it is not."""
    # Imported here: a start only writes the URL down.
    import ssl
    import urllib.error
    import urllib.request

    url = (
        _remembered("health")
        or f"http://127.0.0.1:{secret_files.value(os.environ, 'PORT') or setting('PORT').default}/health/liveliness"
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
        return _not_ready(problem.code, problem.read(_LONGEST_ANSWER))
    except OSError as problem:
        why = getattr(problem, "reason", problem)
        return Finding(
            "gateway-silent",
            "error",
            f"{url} does not answer: {why}.",
            "See the container's log: it has not begun to serve, or it has ended.",
            ExitCode.INTERNAL,
        )


def _not_ready(code: int, answer: bytes) -> Finding:
    try:
        state = str(json.loads(answer)["status"])
    except (ValueError, TypeError, KeyError):
        state = f"it answers {code}"
    return Finding(
        "gateway-not-ready",
        "error",
        f"The gateway is not ready: {state}.",
        _FIXES.get(state, "See the container's log."),
        ExitCode.INTERNAL,
    )


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
        token = _drain_token()
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


def _drain_token() -> str | None:
    """Return the token that is in force, which the files may be ahead of; or what this process's environment says."""
    kept = _runtime() / WORKERS
    token: str | None = None
    # Another user may run this, who may not read it.
    with contextlib.suppress(OSError):
        token = (configuration.secrets_in_force(kept) or {}).get(DRAIN_TOKEN)
    return token or secret_files.value(os.environ, DRAIN_TOKEN)


def reload(*, wait: bool = False) -> str | None:
    """Ask the supervisor for a reload as SIGHUP does; return None, or why it was not asked, or with ``wait`` not done.

    `docker kill --signal HUP` asks too, but Docker then takes the container for one that was stopped by hand and does
    not start it again by its restart policy (moby issue 41302).
    """
    number = _remembered("supervisor")
    if number is None:
        return _NO_SUPERVISOR
    directory = _runtime() / WORKERS
    try:
        before = reload_progress.read(directory).asked
        os.kill(int(number), signal.SIGHUP)
        return _end_of_reload(directory, before, int(number)) if wait else None
    except OSError as problem:
        return f"the supervisor cannot be asked: {problem.strerror}"


def _end_of_reload(directory: Path, before: int, supervisor: int) -> str | None:
    """Wait as long as the reload takes. Raises OSError."""
    while True:
        time.sleep(_POLL_SECONDS)
        now = reload_progress.read(directory)
        if now.asked > before and now.over >= now.asked:
            return (
                None
                if now.result == reload_progress.DONE
                else f"the reload was {now.result.replace('_', ' ')}; the log says why"
            )
        # One that ends takes nothing over.
        os.kill(supervisor, 0)


def _remembered(name: str) -> str | None:
    try:
        return str(json.loads((_runtime() / _FILE).read_text())[name])
    except (OSError, ValueError, KeyError):
        return None


def _runtime() -> Path:
    """Return the runtime directory of the gateway that runs here, or where one would have it."""
    own = secret_files.value(os.environ, "SLIPWAY_RUNTIME_DIR") or str(setting("SLIPWAY_RUNTIME_DIR").default)
    return next((place for place in (Path(own), FALLBACK) if os.path.isfile(place / _FILE)), Path(own))


def _local(host: str) -> str:
    host = reachable(host)
    return f"[{host}]" if ":" in host else host
