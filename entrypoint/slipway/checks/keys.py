"""The master key and the salt key.

LiteLLM refuses a missing, blank or published master key in each worker, seconds after the start
(litellm/proxy/auth/master_key_boot_check.py); here the answer comes before the server starts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from slipway.checks.database import is_configured
from slipway.config_file import REFERENCE, section
from slipway.report import ExitCode, Finding
from slipway.runtime import hooks
from slipway.settings import parse_switch

VARIABLE: Final = "LITELLM_MASTER_KEY"
OVERRIDE: Final = "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY"
# Keys that stand in documentation and in everybody's first compose file.
WELL_KNOWN: Final = frozenset(
    {"sk-1234", "sk-12345", "sk-123456", "sk-12345678", "sk-1234567890", "sk-master", "sk-master-key", "sk-litellm"}
    | {"sk-test", "sk-admin", "changeme", "sk-changeme", "password", "secret", "sk-xxxx", "sk-your-key"}
)
HOOK: Final = "a worker startup hook"
_SHORTEST: Final = 16
_FIX: Final = (
    f'Set {VARIABLE} to a key of your own, for example: -e {VARIABLE}="sk-$(openssl rand -hex 32)" (and keep it).'
)


def check(config: Mapping[str, object], environment: Mapping[str, str]) -> list[Finding]:
    """Check the master key's presence and strength, and the salt key where a database is configured."""
    return [*_master(config, environment), *_salt(config, environment)]


def _master(config: Mapping[str, object], environment: Mapping[str, str]) -> list[Finding]:
    general = section(config, "general_settings")
    # A container that migrates and ends serves nobody.
    if environment.get("SLIPWAY_MIGRATE", "").strip().lower() == "only":
        return []
    if (
        parse_switch(environment.get(OVERRIDE, ""))
        or general.get("dangerously_permit_weak_or_unset_master_key") is True
    ):
        return []
    key, place = _find(general, environment)
    if key is not None and key.strip():
        if key.strip().lower() not in WELL_KNOWN:
            return _short(key, place)
        return [
            _finding(
                "master-key-well-known",
                f"The master key in {place} is a well-known one.",
                "Anybody could use the gateway with it.",
            )
        ]
    if key is None and (source := supplier(config, environment)):
        return [
            Finding(
                "master-key-later",
                "warning",
                f"No master key is set yet; {source} may still supply it.",
                _FIX,
                why="LiteLLM refuses to serve without one.",
            )
        ]
    state = "blank" if key is not None else "not set"
    what = f"The master key ({place}) is {state}."
    fix = _FIX.replace(VARIABLE, place.removeprefix("variable ").partition(",")[0]) if "variable" in place else _FIX
    why = "Every request would be accepted."
    return [Finding("master-key-missing", "error", what, fix, ExitCode.SECRET, why)]


def _short(key: str, place: str) -> list[Finding]:
    if len(key.strip()) >= _SHORTEST:
        return []
    what = f"The master key ({place}) has fewer than {_SHORTEST} characters."
    return [Finding("master-key-short", "warning", what, _FIX, why="It can be guessed.")]


def master_variable(config: Mapping[str, object]) -> str:
    """Return the variable that the master key is taken from, "" where the config file holds it."""
    written = section(config, "general_settings").get("master_key")
    if written is None:
        return VARIABLE
    return written.removeprefix(REFERENCE) if isinstance(written, str) and written.startswith(REFERENCE) else ""


def _find(general: Mapping[str, object], environment: Mapping[str, str]) -> tuple[str | None, str]:
    written = general.get("master_key")
    if isinstance(written, str) and written.startswith(REFERENCE):
        name = written.removeprefix(REFERENCE)
        return environment.get(name), f"variable {name}, named by general_settings.master_key"
    if written is not None:
        return str(written), "general_settings.master_key"
    return environment.get(VARIABLE), f"variable {VARIABLE}"


def _salt(config: Mapping[str, object], environment: Mapping[str, str]) -> list[Finding]:
    """Refuse a blank salt key: LiteLLM would encrypt with it. Whether one is needed, the database tells."""
    if environment.get("LITELLM_SALT_KEY", "set").strip() or not is_configured(config, environment):
        return []
    return [
        Finding(
            "salt-key-blank",
            "error",
            "LITELLM_SALT_KEY is set but blank.",
            "Give it the key that the database was written with, or remove the variable.",
            ExitCode.SECRET,
            "LiteLLM would encrypt credentials with that.",
        )
    ]


def supplier(config: Mapping[str, object], environment: Mapping[str, str]) -> str | None:
    """Return who may still supply a secret that no variable holds: LiteLLM asks them in its workers. None: nobody."""
    if environment.get(hooks.VARIABLE, "").strip():
        return HOOK
    if section(config, "general_settings").get("key_management_system"):
        return "the secret manager"
    if environment.get("LITELLM_CONFIG_BUCKET_NAME"):
        return "the config in the bucket"
    return "AWS KMS" if environment.get("USE_AWS_KMS") == "True" else None


def master_key(config: Mapping[str, object], environment: Mapping[str, str]) -> str | None:
    """Return the master key, where a variable or the config file holds it."""
    return _find(section(config, "general_settings"), environment)[0]


def _finding(id: str, what: str, why: str) -> Finding:
    return Finding(id, "error", what, _FIX, ExitCode.SECRET, why)
