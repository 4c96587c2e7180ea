"""``slipway explain``: every effective setting with its source, and what exactly would run. Secrets are redacted."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict

from slipway import left_out
from slipway.patches import PATCHES
from slipway.runtime.changes import IN_PROCESS
from slipway.runtime.start import Start
from slipway.secrets import origin, redact
from slipway.settings import Value

# Holds the headers of --headers; every other field is shown.
_WORKER_CONFIG = "WORKER_CONFIG"


def as_json(start: Start) -> str:
    """Return the explanation as the JSON object that tools rely on."""
    content = {
        "settings": {
            name: {"value": _value(name, resolved.value), "source": resolved.source}
            for name, resolved in start.settings.items()
        },
        "secrets": dict(_from_files(start)),
        "database": start.database,
        "argv": _command(start),
        "environment": _environment(start.plan.environment),
        "patches": _patches(),
        "acceleration": {
            "mode": start.acceleration.mode,
            "components": [asdict(state) for state in start.acceleration.states],
        },
        "stop_seconds": start.plan.budget.stop,
        "limits": list(start.plan.limits),
    }
    return json.dumps(content, indent=2)


def as_text(start: Start) -> str:
    """Return the explanation for a person."""
    lines = ["Settings"]
    width = max(len(name) for name in start.settings)
    for name, resolved in start.settings.items():
        lines.append(f"  {name:<{width}}  {_readable(name, resolved.value)}  ({resolved.source})")
    if start.taken.values:
        lines += ["", "Secrets from files", *(f"  {name}  {text}" for name, text in _from_files(start))]
    lines += ["", "Database", f"  {f'named by {start.database}' if start.database else 'none'}"]
    lines += ["", "Command", f"  {' '.join(_command(start))}", "", "Environment changes"]
    for name, text in _environment(start.plan.environment).items():
        lines.append(f"  {name}={text}" if text is not None else f"  {name} is removed")
    lines += ["", "Patches", *(f"  {patch['name']}: {patch['state']}; {patch['why']}" for patch in _patches())]
    lines += ["", f"Acceleration by fast-litellm ({start.acceleration.mode})"]
    lines += [f"  {state.name}: {state.state}; {state.why}" for state in start.acceleration.states]
    lines += ["", "Time to stop, to be given to the container", f"  {start.plan.budget.arithmetic}"]
    lines += ["", "Limits of this server", *(f"  {limit}" for limit in start.plan.limits or ("none",))]
    return "\n".join(lines)


def _from_files(start: Start) -> list[tuple[str, str]]:
    """Name each variable whose value came from a file, and the file."""
    return [
        (name, source + (", without the newline at its end" if name in start.taken.trimmed else ""))
        for name, source in sorted(start.taken.sources.items())
    ]


def _command(start: Start) -> list[str]:
    return [redact("argument", word) for word in start.plan.argv]


def _value(name: str, value: Value) -> Value:
    if value is None or isinstance(value, str):
        return value and redact(name, value)
    # What came from a file, which is_secret knows; a number of another place is not, whatever its name is.
    return redact(name, str(value)) if origin(name) != f"variable {name}" else value


def _readable(name: str, value: Value) -> str:
    shown = _value(name, value)
    return "unset" if shown is None else "on" if shown is True else "off" if shown is False else str(shown)


def _patches() -> list[dict[str, str]]:
    changes, missing = (*PATCHES, *IN_PROCESS), left_out.load()
    return [
        {"name": each.name, "state": "left out", "why": missing[each.name]}
        if each.name in missing
        else {"name": each.name, "state": each.state(os.environ), "why": each.why}
        for each in changes
    ]


def _environment(changes: Mapping[str, str | None]) -> dict[str, str | None]:
    return {name: None if value is None else _shown(name, value) for name, value in sorted(changes.items())}


def _shown(name: str, value: str) -> str:
    if name == _WORKER_CONFIG:
        content = json.loads(value)
        shown = {field: redact(field, text) if isinstance(text, str) else text for field, text in content.items()}
        return json.dumps({**shown, "headers": redact("HEADERS", "set") if content["headers"] else None})
    return redact(name, value)
