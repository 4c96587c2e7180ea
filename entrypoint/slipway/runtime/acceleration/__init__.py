"""fast-litellm, one component at a time: only what a self-test proved in this image is ever applied.

The launcher reads what is asked for (``request``) and proves it in a process of its own (``proof``, ``trial``). The
process that serves gets the names of the proven components and applies them (``patching``) before LiteLLM is imported.
Nothing asked for, nothing imported. Decision 0010 has what was measured.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from slipway import log

# From the launcher to the process that serves: names, with commas.
ACTIVE_VARIABLE: Final = "SLIPWAY_ACCELERATION_COMPONENTS"


def line(names: list[str], shares: Mapping[str, str]) -> str:
    """Return the log line of the active components, in the words of fast-litellm's guide."""
    partly = [f"{name} {shares[name]}" for name in names if shares.get(name, "true") != "true"]
    return f"fast_litellm: active components = {names}" + (f" ({', '.join(partly)})" if partly else "")


@contextmanager
def entered(environment: Mapping[str, str]) -> Iterator[None]:
    """Apply what the launcher proved while the proxy is imported; afterwards make sure of it and say so.

    Raises RuntimeError when LiteLLM was imported before, or when a component is not in its place.
    """
    names = [name for name in environment.get(ACTIVE_VARIABLE, "").split(",") if name]
    if not names:
        yield
        return
    from slipway.runtime.acceleration import patching
    from slipway.runtime.acceleration.components import BY_NAME

    components = [BY_NAME[name] for name in names]
    patching.import_first()
    for component in components:
        patching.apply(component)
    yield
    patching.confirm(components)
    log.line(line(names, {component.name: environment.get(component.variable, "true") for component in components}))
