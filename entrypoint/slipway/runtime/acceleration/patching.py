"""Puts one component of fast-litellm into LiteLLM, and nothing else of it.

fast-litellm has one function that replaces whatever its native module has a class for. Handed a module with a single
class, it applies a single component.
"""

from __future__ import annotations

import importlib
import logging
import math
import sys
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, Final

from slipway.runtime.acceleration.components import COMPONENTS, Component

_ABSENT: Final = object()


class Unfit(Exception):
    """A component cannot be applied to this LiteLLM; the message says why."""


def import_first() -> None:
    """Import fast-litellm. Raises RuntimeError when LiteLLM was imported before it: it would have no effect."""
    if "litellm" in sys.modules and "fast_litellm" not in sys.modules:
        raise RuntimeError(
            "LiteLLM was imported before fast-litellm, which would then change nothing. Something that Python loads at "
            "its start imports it (a .pth file, sitecustomize, usercustomize): remove that, or set "
            "SLIPWAY_ACCELERATION=off."
        )
    importlib.import_module("fast_litellm")


def apply(component: Component) -> None:
    """Apply one component. Raises Unfit, and changes nothing then."""
    problem = lacking(component)
    if problem is not None:
        raise Unfit(problem)
    module = importlib.import_module("fast_litellm.enhanced_monkeypatch")
    part = getattr(importlib.import_module("fast_litellm._rust"), component.part, None)
    if part is None:
        raise Unfit(f"fast-litellm has no {component.part}")
    # It gives a component up for good, in the whole process, after a single call that took longer than 0.1 s, which its
    # own first call does: a canary would end at once.
    flags = importlib.import_module("fast_litellm.feature_flags")
    flags._feature_manager._features[component.feature].performance_threshold_ms = math.inf
    every = {target for known in COMPONENTS for target in known.targets}
    before = {target: _value(target) for target in every}
    only = SimpleNamespace(**{component.part: part})
    # It warns of each target that is absent, also of those that nobody asked for.
    logger = logging.getLogger("fast_litellm.enhanced_monkeypatch")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        module.enhanced_apply_acceleration(
            SimpleNamespace(RUST_ACCELERATION_AVAILABLE=True, fast_litellm=only, _rust=only)
        )
    finally:
        logger.setLevel(level)
        changed = {target for target in every if _value(target) is not before[target]}
        complete = changed.issuperset(component.targets)
        for target in changed if not complete else changed.difference(component.targets):
            _put(target, before[target])
    if not complete:
        raise Unfit("fast-litellm did not replace what it is for")
    _applied.update({target: _value(target) for target in component.targets})


def lacking(component: Component) -> str | None:
    """Say which targets of a component this LiteLLM does not have; None when it has all."""
    absent = [target for target in component.targets if _value(target) is _ABSENT]
    return f"LiteLLM has no {' and no '.join(absent)}" if absent else None


def confirm(components: Sequence[Component]) -> None:
    """Raise RuntimeError unless each of the components is in its place."""
    for component in components:
        for target in component.targets:
            if _value(target) is not _applied.get(target, _ABSENT):
                raise RuntimeError(f"fast-litellm's {component.name} is not in the place of {target} any more")


_applied: dict[str, object] = {}


def _value(target: str) -> Any:
    module, _, name = target.rpartition(".")
    return getattr(importlib.import_module(module), name, _ABSENT)


def _put(target: str, value: object) -> None:
    module, _, name = target.rpartition(".")
    if value is _ABSENT:
        delattr(importlib.import_module(module), name)
    else:
        setattr(importlib.import_module(module), name, value)
