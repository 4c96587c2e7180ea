"""granian: a server in Rust, on request."""

from __future__ import annotations

from typing import Final

from slipway.servers.options import APPLICATION, Command, Options, json_log_config, launch, reasons_of

CANNOT: Final[dict[str, str]] = {
    **reasons_of("granian"),
    "MAX_REQUESTS_BEFORE_RESTART": "granian recycles by age and memory, not by requests",
    "MAX_REQUESTS_BEFORE_RESTART_JITTER": "granian recycles by age and memory, not by requests",
    "TIMEOUT_WORKER_HEALTHCHECK": "granian does not watch for silent workers",
    "SLIPWAY_WATCH": "granian does not wait for a new worker to serve before it stops the old one",
    "SLIPWAY_LOG_CONFIG": "uvicorn's logging file is not one that granian reads; use GRANIAN_LOG_CONFIG",
}
LIMITS: Final[tuple[str, ...]] = (
    "workers are recycled by age and memory only, idle connections have no time limit, TLS is 1.3 with a PKCS#8 key",
    "a reload is a restart of the container: granian does not wait for a new worker to serve",
)
# The largest value granian takes; without the option it waits for as long as requests last.
_LONGEST_KILL_TIMEOUT: Final = 1800


def command(options: Options) -> Command:
    """Return granian's command line."""
    argv = [*launch("granian", preload=options.shares_one_import), APPLICATION, "--interface", "asgi"]
    argv += ["--host", options.host, "--port", str(options.port), "--workers", str(options.workers)]
    argv += ["--loop", "uvloop", "--respawn-failed-workers", *options.words_for("granian")]
    if options.grace <= _LONGEST_KILL_TIMEOUT:
        argv += ["--workers-kill-timeout", str(options.grace)]
    if options.recycle_seconds is not None:
        argv += ["--workers-lifetime", str(options.recycle_seconds)]
    if options.recycle_memory is not None:
        argv += ["--workers-max-rss", str(options.recycle_memory)]
    if options.keyfile and options.certfile:
        argv += ["--ssl-keyfile", options.keyfile, "--ssl-certificate", options.certfile]
    if options.json_logs:
        argv += ["--log-config", json_log_config()]
    if options.access_log:
        argv.append("--access-log")
    return Command(tuple(argv))
