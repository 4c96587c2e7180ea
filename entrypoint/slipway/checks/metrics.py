"""Who may read metrics, and where they are."""

from __future__ import annotations

from pathlib import Path

from slipway.metrics.guard import SHORTEST, is_token
from slipway.report import ExitCode, Finding
from slipway.settings import Settings


def check(settings: Settings) -> list[Finding]:
    """Refuse a token file that admits nobody or anybody, and a metrics process without anything to read."""
    findings = []
    path = settings.text("SLIPWAY_METRICS_TOKEN_FILE")
    if path and (why := _unfit(Path(path))):
        findings.append(
            Finding(
                "metrics-token",
                "error",
                f"The file in SLIPWAY_METRICS_TOKEN_FILE {why}.",
                f"Put at least {SHORTEST} random characters into it (openssl rand -hex 32), readable by the gateway.",
                ExitCode.SECRET,
                "Whoever scrapes from outside the container has to show it.",
            )
        )
    if settings["PROMETHEUS_METRICS_PORT"].asked and not settings.on("SLIPWAY_SHARED_METRICS"):
        findings.append(
            Finding(
                "metrics-port-alone",
                "error",
                f"{settings['PROMETHEUS_METRICS_PORT'].source} shows nothing while SLIPWAY_SHARED_METRICS is off.",
                "Remove one of them.",
                ExitCode.CONFIG,
                "LiteLLM's metrics process reads the files that workers share.",
            )
        )
    return findings


def _unfit(path: Path) -> str | None:
    try:
        token = path.read_bytes().strip()
    except OSError as problem:
        return f"cannot be read: {problem.strerror}"
    if not is_token(token):
        return f"does not hold {SHORTEST} or more letters, digits and signs of ASCII, without spaces"
    return None
