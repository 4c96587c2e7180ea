"""uvicorn: the default for one worker."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from slipway.servers.options import APPLICATION, Command, Options, json_log_config, launch, reasons_of

# Settings this server has no way to honour, each with the sentence that says so.
CANNOT: Final[dict[str, str]] = reasons_of("uvicorn")
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
    argv += ["--timeout-graceful-shutdown", str(options.grace), *options.words_for("uvicorn")]
    if options.workers > 1:
        argv += ["--workers", str(options.workers)]
    if options.keyfile and options.certfile:
        argv += ["--ssl-keyfile", options.keyfile, "--ssl-certfile", options.certfile]
    if options.log_config:
        argv += ["--log-config", options.log_config]
    elif options.json_logs:
        argv += ["--log-config", json_log_config()]
    if not options.access_log:
        argv.append("--no-access-log")
    # One worker is one process whatever WEB_CONCURRENCY says; several are named above.
    return Command(tuple(argv), {"WEB_CONCURRENCY": str(options.workers)})
