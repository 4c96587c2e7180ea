"""uvicorn: the default for one worker."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from slipway.servers.options import APPLICATION, Command, Options, json_log_config, launch

# Settings this server has no way to honour, each with the sentence that says so.
CANNOT: Final[dict[str, str]] = {
    "GRANIAN_RUNTIME_THREADS": "uvicorn runs one event loop in a worker, without runtime threads",
}
LIMITS: Final[tuple[str, ...]] = ()
# Longer than the longest pause that was seen in a worker that is merely busy; uvicorn's own default is 5.
_HEALTHCHECK_SECONDS: Final = 30


def command(options: Options) -> Command:
    """Return uvicorn's command line."""
    argv = [
        *launch("uvicorn", preload=options.shares_one_import),
        APPLICATION,
        "--host",
        options.host,
        "--port",
        str(options.port),
    ]
    # Without it uvicorn puts the working directory before the installed packages.
    argv += ["--app-dir", str(Path(__file__).parents[2])]
    argv += ["--loop", "uvloop", "--http", "httptools", "--no-server-header"]
    argv += ["--timeout-keep-alive", str(options.keepalive), "--timeout-graceful-shutdown", str(options.grace)]
    if options.workers > 1:
        healthcheck = options.worker_healthcheck or _HEALTHCHECK_SECONDS
        argv += ["--workers", str(options.workers), "--timeout-worker-healthcheck", str(healthcheck)]
    if options.max_requests is not None:
        argv += ["--limit-max-requests", str(options.max_requests)]
    if options.max_requests_jitter is not None:
        argv += ["--limit-max-requests-jitter", str(options.max_requests_jitter)]
    if options.limit_concurrency is not None:
        argv += ["--limit-concurrency", str(options.limit_concurrency)]
    if options.keyfile and options.certfile:
        argv += ["--ssl-keyfile", options.keyfile, "--ssl-certfile", options.certfile]
    if options.ciphers:
        argv += ["--ssl-ciphers", options.ciphers]
    if options.log_config:
        argv += ["--log-config", options.log_config]
    elif options.json_logs:
        argv += ["--log-config", json_log_config()]
    if options.log_level:
        argv += ["--log-level", options.log_level]
    if not options.access_log:
        argv.append("--no-access-log")
    # One worker is one process whatever WEB_CONCURRENCY says; several are named above.
    return Command(tuple(argv), {"WEB_CONCURRENCY": str(options.workers)})
