"""The launcher's commands and what each does; apart, because most of them need no parser of flags."""

from __future__ import annotations

from typing import Final

VERBS: Final = {
    "serve": "start the gateway; what happens when only flags are given",
    "check": "refuse what a start with these flags would refuse, and start nothing; the database is not asked",
    "explain": "show every setting with its source, and what would run; --format json",
    "migrate": "bring the database to this image's schema; --dry-run lists what is pending",
    "healthcheck": "0 when the gateway in this container is ready",
    "drain": "drain the gateway in this container and end it, as SIGTERM does; return when its requests are done",
    "reload": "have the gateway in this container check its configuration and take it over; its log says how it went",
    "version": "print the versions of everything",
}
