"""What is asked for: ``SLIPWAY_ACCELERATION`` and fast-litellm's flags, read without importing it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from slipway.report import ExitCode, Finding
from slipway.runtime.acceleration.components import COMPONENTS, Component
from slipway.settings import parse_switch

VARIABLE: Final = "SLIPWAY_ACCELERATION"
CANARY: Final = "canary"
_SHARE: Final = re.compile(r"(canary|rollout):(\d{1,3})")
_DISABLE_ALL: Final = ("LITELLM_RUST_DISABLE_ALL", "FAST_LITELLM_DISABLE_ALL")
# Flags of parts that fast-litellm has without replacing anything by them.
_IDLE: Final = frozenset({"FAST_LITELLM_ASYNC_ROUTING", "FAST_LITELLM_PERFORMANCE_MONITORING"})


@dataclass(frozen=True, slots=True)
class Request:
    """``shares`` has the requested components: ``true`` for all calls, or ``canary:N`` for N percent of them.

    ``declined`` has the others and why; ``strict`` says that a requested one must not fail.
    """

    shares: Mapping[str, str]
    declined: Mapping[str, str]
    strict: bool = False
    findings: tuple[Finding, ...] = field(default=())


def read(mode: str, environment: Mapping[str, str], components: Iterable[Component] = COMPONENTS) -> Request:
    """Read the flags under ``mode``, a valid value of ``SLIPWAY_ACCELERATION``."""
    shares: dict[str, str] = {}
    declined: dict[str, str] = {}
    findings: list[Finding] = []
    everything_off = next((name for name in _DISABLE_ALL if parse_switch(environment.get(name, ""))), None)
    known = {*_DISABLE_ALL, *_IDLE}
    for component in components:
        known |= {component.variable, component.alias}
        source, share = _flag(component, environment)
        if source and share is None:
            findings.append(_invalid(source))
        elif mode == "off":
            declined[component.name] = f"{VARIABLE} is off"
        elif everything_off or share == "false":
            declined[component.name] = f"switched off by {everything_off or source}"
        elif mode == "auto" and not component.pays:
            declined[component.name] = component.record
            if source:
                findings.append(_without_effect(source, component))
        else:
            shares[component.name] = share or ("true" if mode in ("auto", "on") else mode)
    shares = {name: share for name, share in shares.items() if not share.endswith(":0")}
    declined |= {c.name: "asked for 0 % of the calls" for c in components if c.name not in {*shares, *declined}}
    findings += [
        _unknown(name) for name in sorted(environment) if name.startswith("FAST_LITELLM_") and name not in known
    ]
    return Request(shares, declined, mode == "on", tuple(findings))


def _flag(component: Component, environment: Mapping[str, str]) -> tuple[str | None, str | None]:
    """Return the variable that is set (fast-litellm's own name wins) and its value in fast-litellm's words."""
    for name in (component.variable, component.alias):
        text = environment.get(name, "").strip().lower()
        if not text:
            continue
        switch = {"enabled": True, "disabled": False}.get(text, parse_switch(text))
        if switch is not None:
            return name, "true" if switch else "false"
        return name, share_of(text)
    return None, None


def share_of(text: str) -> str | None:
    """Return ``canary:N`` or ``rollout:N`` in fast-litellm's spelling; None when ``text`` is neither."""
    match = _SHARE.fullmatch(text.strip().lower())
    return f"{match[1]}:{int(match[2])}" if match and int(match[2]) <= 100 else None


def _invalid(name: str) -> Finding:
    return Finding(
        "setting-invalid",
        "error",
        f"variable {name} is not valid: it must be true, false, or canary:N with a percentage from 0 to 100.",
        f"Correct {name}, or remove it.",
        ExitCode.CONFIG,
    )


def _without_effect(name: str, component: Component) -> Finding:
    return Finding(
        "acceleration-not-worth-it",
        "info",
        f"{name} has no effect: {VARIABLE}=auto leaves fast-litellm's {component.name} out ({component.record}).",
        f"Remove {name}; {VARIABLE}=canary:10 tries it, as far as it passes its self-test.",
    )


def _unknown(name: str) -> Finding:
    return Finding(
        "acceleration-flag-unknown",
        "warning",
        f"{name} names no component of fast-litellm.",
        f"Remove it, or use one of {', '.join(component.alias for component in COMPONENTS)}.",
        why="It has no effect.",
    )
