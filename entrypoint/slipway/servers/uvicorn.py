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
        argv += ["--workers", str(options.workers)]
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
