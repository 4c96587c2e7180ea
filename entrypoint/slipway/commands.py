"""The launcher's commands and what each does; apart, because most of them need no parser of flags."""

from __future__ import annotations

from typing import Final

# A reload's own form of `check`, whose findings go to the log: the directory where files that passed are kept.
KEEP: Final = "--keep="
# After it, where no flag did: who named the config file, as messages say it.
NAMED_BY: Final = "--named-by="
VERBS: Final = {
    "serve": "start the gateway; what happens when only flags are given",
    "check": "say what is wrong with a start with these flags, and start nothing; text to a terminal, JSON to anything "
    "else, or as --format says; --offline asks no database and needs no secrets: one that is missing is a warning",
    "explain": "show every setting with its source, and what would run; --format json, systemd, quadlet; ends with 0 "
    "when it is shown, though errors above it would end a start: that exit code is check's; a unit is then refused",
    "egress": "list the hosts and ports that this configuration makes the gateway talk to; --format json, helm, "
    "compose or systemd",
    "migrate": "bring the database to this image's schema; --dry-run lists what is pending",
    "salt": "salt check: which key opens what the database holds; salt rotate: put all of it under another key",
    "healthcheck": "0 when the gateway in this container is ready",
    "drain": "drain the gateway in this container and end it, as SIGTERM does; return when its requests are done",
    "reload": "have the gateway in this container check its configuration and take it over "
    "(docker exec NAME slipway reload); its log says how it went; --wait returns when it is over, with 0 when every "
    "worker has it",
    "version": "print the versions of everything",
}
