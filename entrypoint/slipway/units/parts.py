"""What both kinds of unit say in the same words."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import Final

from slipway import budget
from slipway.report import ExitCode, refuse
from slipway.runtime.start import Start
from slipway.secrets import is_secret, origin, redact

DESCRIPTION: Final = "LiteLLM proxy (Slipway)"
# What the image's ENV says; a unit knows nothing of it.
IMAGE: Final = (
    "PATH=/opt/slipway/venv/bin:/opt/slipway/bin:/usr/local/bin:/usr/bin:/bin",
    "HOME=/var/lib/slipway",
    "LANG=C.UTF-8",
    "PRISMA_QUERY_ENGINE_BINARY=/opt/slipway/prisma/query-engine/query-engine",
    "PYTHONUNBUFFERED=1",
    "LITELLM_MODE=PRODUCTION",
    "LITELLM_LOCAL_MODEL_COST_MAP=True",
    "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS=True",
    "LITELLM_LOCAL_AUTOROUTER_PRESETS=True",
    "LITELLM_LOCAL_BLOG_POSTS=True",
    "LITELLM_LOCAL_POLICY_TEMPLATES=True",
)
# A start that was refused is refused again; what a moment may change is not among them.
_HOPELESS: Final = (
    *(ExitCode.USAGE, ExitCode.CONFIG, ExitCode.SECRET, ExitCode.DIRECTORY, ExitCode.MIGRATION, ExitCode.SALT),
    *(ExitCode.HOOK, ExitCode.CAPACITY),
)
# Of the unit's own, or of the machine on which this was asked.
_NOT_ITS: Final = ("SLIPWAY_STOP_GRACE_SECONDS", "SLIPWAY_SECRETS_DIR", "CONFIG_FILE_PATH")
# What only their values make a secret is found in any flag.
_SECRET_FLAGS: Final = ("--headers", "--add_key")
_LOOK: Final = re.compile(r"(Bearer )?(sk|gsk|xai|AIza)[-_A-Za-z0-9]{16,}$")


def refuse_impossible(start: Start) -> None:
    """Raise Refusal for a start that no unit can keep: without a word of readiness (65), or with a secret (66)."""
    if not start.settings.on("SLIPWAY_SUPERVISOR"):
        raise refuse(
            "supervisor-needed",
            ExitCode.CONFIG,
            "SLIPWAY_SUPERVISOR is off, and a unit waits for the supervisor's word.",
            "Leave SLIPWAY_SUPERVISOR on.",
        )
    before = ""
    for argument in start.arguments:
        flag, assigned, value = argument.partition("=") if argument.startswith("-") else (before, "=", argument)
        if assigned and (flag in _SECRET_FLAGS or _LOOK.match(value) or redact("argument", value) != value):
            raise refuse(
                "secret-in-unit",
                ExitCode.SECRET,
                f"The command line has a secret at {flag}.",
                "Put it into the config file as os.environ/NAME, and the secret into a file called NAME.",
                "Everybody on a machine may read its units.",
            )
        before = argument


def start_seconds(start: Start) -> int:
    """Return how long a start may take, its waits included."""
    return budget.start(start.settings, database=start.database is not None)


def restart() -> list[str]:
    """Return when the gateway is started again by itself, and when not. `slipway drain` ends with 0: that is one."""
    codes = " ".join(str(int(code)) for code in _HOPELESS)
    return ["Restart=always", "RestartSec=5", f"RestartPreventExitStatus={codes}"]


def environment(start: Start, written: Callable[[str], str]) -> list[str]:
    """Return a line for each setting that a variable gives, and that is no secret and no default of the image.

    ``written`` is ``quoted``, or ``word`` where the line becomes a part of a command, as in a quadlet.
    """
    lines = []
    for name, resolved in start.settings.items():
        variable = origin(name).removeprefix("variable ")
        given = resolved.source.startswith("variable ") and name not in _NOT_ITS
        value = os.environ.get(variable, "")
        if given and value and not is_secret(name) and redact(name, value) == value and f"{name}={value}" not in IMAGE:
            lines.append(f"Environment={written(f'{name}={value}')}")
    stop = start.plan.budget.stop
    return [*lines, f"Environment=SLIPWAY_STOP_GRACE_SECONDS={stop}"]


def secrets(start: Start) -> list[str]:
    """Name the variables whose values came from files."""
    return sorted(start.taken.values)


def arguments(start: Start) -> str:
    """Return the gateway's flags as a unit writes them."""
    return " ".join(map(word, start.arguments))


def word(text: str) -> str:
    """Return one word of a command, in which systemd would put values in the place of variables."""
    return quoted(text).replace("$", "$$")


def quoted(text: str) -> str:
    """Return one word of a unit's line. Source: systemd.syntax(7), and systemd.unit(5) on specifiers."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("%", "%%")
    plain = escaped and not set(escaped) & set(" \t\r'\"\\;")
    return escaped if plain else f'"{escaped}"'
