"""Proves each requested component before anything serves, and takes out what fails or changes an answer."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from slipway.handed_on import essentials
from slipway.report import ExitCode, Finding
from slipway.runtime import acceleration
from slipway.runtime.acceleration import request
from slipway.runtime.acceleration.answers import LACKING, failed, failure, told
from slipway.runtime.acceleration.components import BY_NAME, COMPONENTS
from slipway.runtime.acceleration.request import VARIABLE

Answers = Mapping[str, Any]
Trial = Callable[[Sequence[str]], Answers]
_TRIAL: Final = (sys.executable, "-P", "-m", "slipway.runtime.acceleration.trial")
_TRIAL_SECONDS: Final = 120
# How packages are imported; nothing else of the user's reaches LiteLLM in a trial.
_PREFIXES: Final = ("SLIPWAY_PATCH_", "LITELLM_LOCAL_", "LITELLM_MODE")
_INERT: Final = "SLIPWAY_PATCH_FAST_LITELLM"


@dataclass(frozen=True, slots=True)
class State:
    """One component: ``active``, ``off`` (nobody wants it) or ``taken out``, and why."""

    name: str
    state: Literal["active", "off", "taken out"]
    why: str


@dataclass(frozen=True, slots=True)
class Acceleration:
    """What the start does with every component."""

    mode: str
    states: tuple[State, ...]
    shares: Mapping[str, str]
    findings: tuple[Finding, ...]

    @property
    def active(self) -> list[str]:
        """Names of the active components."""
        return [state.name for state in self.states if state.state == "active"]

    @property
    def announcement(self) -> str | None:
        """The log line of a start that was to be accelerated and is not; the process that serves says the others."""
        return None if self.active or self.mode in ("off", "auto") else acceleration.line([], {})

    def environment(self, given: Mapping[str, str]) -> dict[str, str | None]:
        """Return what changes in the environment of the process that serves."""
        changes: dict[str, str | None] = {acceleration.ACTIVE_VARIABLE: ",".join(self.active) or None}
        if self.active:
            # It would replace the flags by a file's.
            changes["LITELLM_RUST_FEATURE_CONFIG"] = None
        for name in self.active:
            changes[BY_NAME[name].variable] = self.shares[name]
        return {name: value for name, value in changes.items() if value != given.get(name)}


def settle(mode: str, environment: Mapping[str, str], trial: Trial | None = None) -> Acceleration:
    """Read what is asked for and prove it. The findings hold errors where the start must not go on."""
    wanted = request.read(mode, environment)
    if any(finding.severity == "error" for finding in wanted.findings):
        return _result(mode, wanted, {})
    if wanted.shares and environment.get(_INERT, "").strip().lower() == "off":
        problem = f"{_INERT} is off, so that importing fast-litellm applies everything at once, the broken parts too"
        return _result(mode, wanted, dict.fromkeys(wanted.shares, problem))
    return _result(mode, wanted, prove(list(wanted.shares), trial or _in_a_process(environment)))


def prove(names: Sequence[str], trial: Trial) -> dict[str, str]:
    """Return the components that must be taken out, with the reason. Each is tried on top of those already proven."""
    if not names:
        return {}
    plain = dict(trial(()))
    lacking: Mapping[str, str] = plain.pop(LACKING, {})
    broken = [f"{check}: {told(answer)}" for check, answer in plain.items() if failed(answer)]
    if broken:
        return dict.fromkeys(names, f"the self-test fails without it too ({'; '.join(broken)})")
    proven: list[str] = []
    out = {name: lacking[name] for name in names if name in lacking}
    for name in names:
        if name in out:
            continue
        reason = difference(plain, trial((*proven, name)))
        if reason is None:
            proven.append(name)
        else:
            out[name] = reason
    return out


def difference(plain: Answers, accelerated: Answers) -> str | None:
    """Say in a few words what a component breaks or changes; None when every answer is the same."""
    broken = [f"{check} fails: {told(answer)}" for check, answer in accelerated.items() if failed(answer)]
    if broken:
        return broken[0] if len(broken) == 1 else f"{broken[0]} (and {len(broken) - 1} more)"
    changed = [check for check, answer in plain.items() if accelerated.get(check) != answer]
    if not changed:
        return None
    check = changed[0]
    before, after = plain[check], accelerated.get(check)
    if not isinstance(before, Mapping) or not isinstance(after, Mapping):
        return f"{check} changes"
    places = [place for place in before if after.get(place) != before[place]]
    examples = [f"{place}: {after.get(place)} instead of {before[place]}" for place in places[:2]]
    return f"{check} differ in {len(places)} of {len(before)} cases ({'; '.join(examples)})"


def _in_a_process(environment: Mapping[str, str]) -> Trial:
    def trial(names: Sequence[str]) -> Answers:
        few = essentials(environment, prefixes=_PREFIXES)
        few |= {BY_NAME[name].variable: "true" for name in names}
        try:
            done = subprocess.run(
                [*_TRIAL, *names], env=few, capture_output=True, text=True, timeout=_TRIAL_SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            return {"trial": failure(f"no result after {_TRIAL_SECONDS} s")}
        lines = done.stdout.splitlines()
        if done.returncode or not lines:
            last = (done.stderr.strip().splitlines() or [""])[-1]
            return {"trial": failure(f"ended with {done.returncode}: {last}")}
        answers: dict[str, Any] = json.loads(lines[-1])
        return answers

    return trial


def _result(mode: str, wanted: request.Request, out: Mapping[str, str]) -> Acceleration:
    states = []
    findings = list(wanted.findings)
    for component in COMPONENTS:
        name = component.name
        if name in out:
            states.append(State(name, "taken out", out[name]))
            findings.append(_taken_out(name, out[name], strict=wanted.strict))
        elif name in wanted.shares:
            share = wanted.shares[name]
            states.append(State(name, "active", "proven" if share == "true" else f"proven, {share}"))
        else:
            states.append(State(name, "off", wanted.declined[name]))
    return Acceleration(mode, tuple(states), wanted.shares, tuple(findings))


def _taken_out(name: str, reason: str, *, strict: bool) -> Finding:
    without = f"{BY_NAME[name].alias}=false"
    if strict:
        return Finding(
            "acceleration-refused",
            "error",
            f"{VARIABLE} asks for fast-litellm's {name}, which does not pass its self-test: {reason}.",
            f"Set {VARIABLE}=auto, which applies only what is correct and faster, or {without}.",
            ExitCode.CONFIG,
        )
    return Finding(
        "acceleration-taken-out",
        "warning",
        f"fast-litellm's {name} is taken out, because it does not pass its self-test: {reason}.",
        f"Set {without}, or {VARIABLE}=auto.",
    )
