"""What a reload may do with secrets that have changed, and what has to wait for a restart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from slipway.checks import keys
from slipway.report import ExitCode, Finding
from slipway.runtime.assignment import DRAIN_TOKEN
from slipway.settings import SETTINGS

_SALT: Final = "LITELLM_SALT_KEY"
# Of our own settings, what is asked for anew each time it is needed.
_TAKEN_OVER: Final = frozenset({DRAIN_TOKEN})


def between(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """Name the variables whose value differs, is new or is gone."""
    return sorted(name for name in {*before, *after} if before.get(name) != after.get(name))


def judge(
    changed: Sequence[str], config: Mapping[str, object], environment: Mapping[str, str], *, database: bool
) -> list[Finding]:
    """Refuse a change that only a start can try on the database, and tell of those that reach nobody before one."""
    # LiteLLM encrypts with the master key where there is no salt key.
    salt = _SALT if _SALT in changed or environment.get(_SALT) else keys.master_variable(config)
    findings = []
    if database and salt in changed:
        findings.append(
            Finding(
                "secret-needs-restart",
                "error",
                f"{salt} has changed, and the database's credentials are encrypted with it.",
                "Put the former value back, or restart the container: a start tries whether the key fits.",
                ExitCode.SECRET,
                why="Workers with the new key could not read what those with the old one have written.",
            )
        )
    settings = {setting.name for setting in SETTINGS} - _TAKEN_OVER
    findings += [
        Finding(
            "secret-at-restart",
            "warning",
            f"{name} has changed, and takes effect at the next start: it is a setting of the launcher.",
            "Restart the container.",
        )
        for name in changed
        if name in settings
    ]
    return findings
