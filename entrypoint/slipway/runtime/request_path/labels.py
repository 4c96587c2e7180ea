"""The prometheus callback's label values are made and read without asking their class for its fields.

``UserAPIKeyLabelValues`` is a dataclass with a constructor of its own that lists the class's fields three times for
each object (litellm/types/integrations/prometheus.py).
"""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import Any

from slipway.runtime.change import Unfit, expect


def direct_labels() -> None:
    """Give the class a constructor and a ``model_dump`` that know its fields. Raises Unfit."""
    from litellm.types.integrations import prometheus

    labels: Any = prometheus.UserAPIKeyLabelValues
    expect(labels.__init__, "02f8bb90a3ba")
    expect(labels.model_dump, "5231df83c5c6")
    if "__slots__" in vars(labels):
        raise Unfit("UserAPIKeyLabelValues has slots")
    defaults = {field.name: field.default for field in fields(labels)}
    factories = {field.name: field.default_factory for field in fields(labels) if field.default_factory is not MISSING}
    aliases = dict(prometheus._USER_API_KEY_LABEL_VALUE_INIT_ALIASES)

    def init(self: Any, **given: Any) -> None:
        state = vars(self)
        state.update(defaults)
        for name, factory in factories.items():
            state[name] = factory()
        for name, value in given.items():
            field = name if name in defaults else aliases.get(name)
            if field in defaults:
                state[field] = value
        self.__post_init__()

    def model_dump(self: Any) -> dict[str, Any]:
        state = vars(self)
        dumped = {name: state[name] for name in defaults}
        dumped["tags"] = list(dumped["tags"])
        dumped["custom_metadata_labels"] = dict(dumped["custom_metadata_labels"])
        return dumped

    labels.__init__, labels.model_dump = init, model_dump
