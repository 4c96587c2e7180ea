"""hypercorn: HTTP/2."""

from __future__ import annotations

from typing import Final

from slipway.servers.options import APPLICATION, Command, Options, json_log_config, launch, reasons_of

CANNOT: Final[dict[str, str]] = {
    **reasons_of("hypercorn"),
    "TIMEOUT_WORKER_HEALTHCHECK": "hypercorn does not watch its workers",
    "SLIPWAY_LOG_CONFIG": "uvicorn's logging file is not one that hypercorn reads",
    "SLIPWAY_RECYCLE_MEMORY_MB": "hypercorn recycles by requests only",
    "SLIPWAY_RECYCLE_SECONDS": "hypercorn recycles by requests only",
    "SLIPWAY_WATCH": "hypercorn cannot replace its workers one by one",
}
LIMITS: Final[tuple[str, ...]] = (
    "a worker that dies ends the container: hypercorn does not start another",
    "a reload is a restart of the container: hypercorn cannot replace its workers one by one",
    "a recycled worker is gone before its replacement serves, and requests to health paths count",
)


def command(options: Options) -> Command:
    """Return hypercorn's command line."""
    argv = [*launch("hypercorn", preload=options.shares_one_import), APPLICATION, "--bind", options.bind]
    argv += ["--workers", str(options.workers), "--worker-class", "uvloop"]
    argv += ["--graceful-timeout", str(options.grace), *options.words_for("hypercorn")]
    if options.max_requests is not None:
        argv += ["--max-requests", str(options.max_requests)]
    if options.max_requests_jitter is not None:
        argv += ["--max-requests-jitter", str(options.max_requests_jitter)]
    if options.keyfile and options.certfile:
        argv += ["--keyfile", options.keyfile, "--certfile", options.certfile]
    if options.json_logs:
        argv += ["--log-config", f"json:{json_log_config()}"]
    if options.access_log:
        argv += ["--access-logfile", "-"]
    return Command(tuple(argv))
