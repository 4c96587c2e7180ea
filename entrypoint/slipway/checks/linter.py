"""What a start could go on with and nobody meant: the text of the config file, names of variables, advice.

Errors among these are for what LiteLLM does not start with. A failure of a check itself is a finding, never the end of
a start.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from slipway import config_file, known
from slipway.checks import advice, environment
from slipway.report import Finding
from slipway.settings import Settings


def check(settings: Settings, config: Mapping[str, object], variables: Mapping[str, str]) -> list[Finding]:
    """Return every finding; ``config`` is what the config file holds, without what it includes."""
    path = settings.text("CONFIG_FILE_PATH")
    whole = config_file.merged(config, path) if path else config
    return [
        *_guarded(lambda: _text(path, variables)),
        *_guarded(lambda: environment.check(whole, variables)),
        *_guarded(lambda: advice.check(settings, whole, variables)),
    ]


def _text(path: str | None, variables: Mapping[str, str]) -> list[Finding]:
    if path is None:
        return []
    # Imported here: without a config file nobody needs YAML.
    from slipway import config_tree
    from slipway.checks import config_keys, config_values, references

    names = known.load()
    documents, findings = config_tree.read(path, names.named if names else frozenset())
    if names is not None:
        findings += config_keys.check(documents, names)
        findings += config_values.check(documents, names)
        findings += environment.check_section(documents, names)
    return [*findings, *references.check(documents, variables)]


def _guarded(check: Callable[[], list[Finding]]) -> list[Finding]:
    try:
        return check()
    except Exception as problem:
        # The message may hold a value; the type and the place do not.
        frame = problem.__traceback__
        while frame is not None and frame.tb_next is not None:
            frame = frame.tb_next
        place = f"{Path(frame.tb_frame.f_code.co_filename).name}:{frame.tb_lineno}" if frame else "unknown"
        what = f"A check of Slipway's own failed ({type(problem).__name__} at {place}); the start goes on without it."
        return [Finding("check-failed", "info", what, "Report this line with the output of `version`.")]
