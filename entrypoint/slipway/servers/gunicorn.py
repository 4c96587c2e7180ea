"""gunicorn with uvicorn workers: the default for several workers.

Defaults go through gunicorn's config file and flags through its command line, so that GUNICORN_CMD_ARGS stands between
them: flag, then variable, then default.
"""

from __future__ import annotations

import contextlib
import io
import json
import shlex
from typing import Final

from slipway.budget import FLUSH_SECONDS
from slipway.servers.options import APPLICATION, Command, Options, json_log_config, launch, reasons_of

CANNOT: Final[dict[str, str]] = {
    **reasons_of("gunicorn"),
    "SLIPWAY_LOG_CONFIG": "uvicorn's logging file is not one that gunicorn reads; use GUNICORN_CMD_ARGS=--log-config",
}
LIMITS: Final[tuple[str, ...]] = ()
VARIABLE: Final = "GUNICORN_CMD_ARGS"
SETTINGS_VARIABLE: Final = "SLIPWAY_GUNICORN_SETTINGS"
_FLAGS: Final = {
    "bind": ("--bind", ("--host", "--port")),
    "workers": ("--workers", ("--num_workers",)),
    "keepalive": ("--keep-alive", ("--keepalive_timeout",)),
    "graceful_timeout": ("--graceful-timeout", ("--request_timeout",)),
    "keyfile": ("--keyfile", ("--ssl_keyfile_path",)),
    "certfile": ("--certfile", ("--ssl_certfile_path",)),
    "ciphers": ("--ciphers", ("--ciphers",)),
}


def from_variable(text: str) -> dict[str, str | int]:
    """Return the settings of ours that GUNICORN_CMD_ARGS changes: NUM_WORKERS, HOST, PORT, TIMEOUT_WORKER_HEALTHCHECK.

    The supervisor waits for that many workers at that address, and the rotation replaces one that is silent that long.
    Raises ValueError when gunicorn would refuse the text.
    """
    # Imported here: gunicorn's own parser is the only one that reads the text as gunicorn will.
    from gunicorn.config import Config
    from gunicorn.util import parse_address

    try:
        # The parser prints the value it does not like, which may be a secret in the wrong place.
        with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
            arguments = Config().parser().parse_args(shlex.split(text))
    except SystemExit:
        raise ValueError("gunicorn does not know it") from None
    if arguments.daemon:
        raise ValueError("--daemon would end the container")
    found: dict[str, str | int] = {}
    if arguments.workers is not None:
        found["NUM_WORKERS"] = int(arguments.workers)
    if arguments.bind:
        address = parse_address(arguments.bind[0])
        if not isinstance(address, tuple):
            raise ValueError("it binds to something other than a TCP port")
        found["HOST"], found["PORT"] = address
    if arguments.timeout:
        found["TIMEOUT_WORKER_HEALTHCHECK"] = int(arguments.timeout)
    return found


def command(options: Options) -> Command:
    """Return gunicorn's command line and the variable its config file reads."""
    settings: dict[str, object] = {
        **options.passed_to("gunicorn"),
        "bind": options.bind,
        "workers": options.workers,
        "worker_class": "slipway.servers.gunicorn_worker.Worker",
        "preload_app": options.preload,
        "graceful_timeout": options.grace + FLUSH_SECONDS,
        "request_seconds": options.grace,
        "keyfile": options.keyfile,
        "certfile": options.certfile,
        "worker_tmp_dir": options.heartbeat_directory,
        "accesslog": "-" if options.access_log else None,
        "logconfig_json": json_log_config() if options.json_logs else None,
    }
    given = {name: value for name, value in settings.items() if value is not None}
    argv = [*launch("gunicorn"), "--config", "python:slipway.servers.gunicorn_config"]
    for name, (flag, sources) in _FLAGS.items():
        if name in given and options.from_flags.intersection(sources):
            argv += [flag, str(given[name])]
    return Command((*argv, APPLICATION), {SETTINGS_VARIABLE: json.dumps(given)})
