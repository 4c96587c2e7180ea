"""Shortcuts on the way of a request: functions of LiteLLM's that do the same work again in every request.

Each is a file of its own with the reason at its top, has a switch, gives the results of the function that it takes the
place of, and checks that the installed code is what it was written for; otherwise it is left out with a warning (at the
image's build: an error). Decision 0011 has what each one brings.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from slipway.runtime.change import Change, Unfit
from slipway.runtime.request_path.deployments import remembered_deployments
from slipway.runtime.request_path.labels import direct_labels
from slipway.runtime.request_path.settings import direct_settings
from slipway.runtime.request_path.targets import light_targets


@dataclass(frozen=True, slots=True)
class Shortcut(Change):
    """In effect in this process from ``install`` on, which raises Unfit and changes nothing where it does not fit."""

    install: Callable[[], None]


SHORTCUTS: Final = (
    Shortcut(
        "remembered-deployments",
        "copies a deployment that has not changed instead of validating it again, four times in each request",
        "SLIPWAY_PATCH_DEPLOYMENTS",
        remembered_deployments,
    ),
    Shortcut(
        "direct-settings",
        "looks settings up without an exception and an object for each; a request reads forty",
        "SLIPWAY_PATCH_SETTINGS",
        direct_settings,
    ),
    Shortcut(
        "direct-labels",
        "makes the labels of the prometheus callback without inspecting their class, five times in each request",
        "SLIPWAY_PATCH_LABELS",
        direct_labels,
    ),
    Shortcut(
        "light-targets",
        "names what datastore calls are for without a generator, thirty times in each request",
        "SLIPWAY_PATCH_TARGETS",
        light_targets,
    ),
)


def install(environment: Mapping[str, str], refused: list[str]) -> None:
    """Install every shortcut that is wanted, once LiteLLM is imported; name those that do not fit in ``refused``."""
    for shortcut in SHORTCUTS:
        if not shortcut.wanted(environment):
            continue
        try:
            shortcut.install()
        except (Unfit, ImportError, AttributeError) as problem:
            refused.append(f"{shortcut.name}: {problem}")
