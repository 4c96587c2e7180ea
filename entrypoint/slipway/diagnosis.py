"""``slipway check``: everything that a start would refuse or warn of, at once, and what database and Redis say."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from slipway import config_file
from slipway.checks import integrity, redis_version
from slipway.report import Finding, Refusal, exit_code
from slipway.runtime import database, start
from slipway.secret_files import NOTHING, Taken
from slipway.settings import parse_switch

OFFLINE: Final = "--offline"
# What is not wrong with a configuration, but missing where it is checked without its secrets and mounts.
_ELSEWHERE: Final = frozenset(
    {
        "database-parts-missing",
        "database-url-unset",
        "master-key-missing",
        "metrics-token",
        "salt-key-blank",
        "secret-file-missing",
        "secret-file-unreadable",
        "secrets-directory",
        "tls-unreadable",
    }
)


def diagnose(
    argv: Sequence[str], environment: Mapping[str, str], taken: Taken = NOTHING, *, offline: bool
) -> list[Finding]:
    """Return what is wrong with a start with these flags, in the order in which it would find it.

    ``taken`` is what of ``environment`` came from files. ``offline`` asks nobody, and takes what only the gateway's own
    environment has for a warning.
    """
    try:
        considered = start.consider(argv, environment, taken, explaining=True)
    except Refusal as refusal:
        findings = [*taken.notes(), *refusal.findings]
    else:
        findings = [*taken.notes(), *considered.findings, *_database(considered, environment, offline)]
        findings += [] if offline else _redis(considered, environment)
    findings += integrity.whole(allowed=parse_switch(environment.get(integrity.SETTING, "")) is True)
    return [_bearable(finding) for finding in findings] if offline else findings


def as_json(findings: Sequence[Finding]) -> str:
    """Return the findings as the JSON object that tools rely on."""
    shown = ("id", "severity", "what", "why", "fix", "runbook")
    listed = [{name: getattr(finding, name) for name in shown} for finding in findings]
    return json.dumps({"ok": not exit_code(findings), "findings": listed}, indent=2)


def summary(findings: Sequence[Finding]) -> str:
    """Return the last line for a person."""
    counts = Counter(finding.severity for finding in findings if finding.severity != "info")
    told = ", ".join(f"{count} {severity}{'s' if count > 1 else ''}" for severity, count in sorted(counts.items()))
    return f"slipway: {told or 'nothing is wrong'}"


def _database(considered: start.Start, environment: Mapping[str, str], offline: bool) -> list[Finding]:
    try:
        complete = considered.plan.complete(environment)
        found = database.find(considered.settings, considered.config, complete, ask=not offline)
    except Refusal as refusal:
        return [*refusal.findings]
    return [] if found is None or offline else found.examine()


def _redis(considered: start.Start, environment: Mapping[str, str]) -> list[Finding]:
    path = considered.settings.text("CONFIG_FILE_PATH")
    whole = config_file.merged(considered.config, path) if path else considered.config
    return redis_version.check(considered.settings, whole, environment)


def _bearable(finding: Finding) -> Finding:
    if finding.severity == "error" and finding.id in _ELSEWHERE:
        return replace(finding, severity="warning")
    return finding
