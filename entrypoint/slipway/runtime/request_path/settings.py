"""LiteLLM's stores of settings answer without an exception.

``SettingsStore`` has the ``get`` of ``collections.abc.Mapping``, which raises and catches a KeyError for each setting
that nobody has set, nearly all of them (litellm/proxy/config_resolvers/settings_store.py).
"""

from __future__ import annotations

from typing import Any

from slipway.runtime.change import Unfit, expect


def direct_settings() -> None:
    """Give the stores a ``get`` of their own. Raises Unfit."""
    from litellm.proxy.config_resolvers import settings_rules, settings_store

    store: Any = settings_store.SettingsStore
    absent = settings_rules.ABSENT
    if "get" in vars(store):
        raise Unfit("SettingsStore has a get of its own")
    expect(store.__getitem__, "38d5c7dbae6e")
    expect(store._resolution_for, "8da16b4f457d")
    expect(settings_rules._db_is_present, "727e9e4e49cf")
    expect(settings_rules.resolve, "fa3374b4eed0")

    def get(self: Any, key: str, default: Any = None) -> Any:
        if key in self._deleted_runtime_keys:
            return default
        for values in (self._runtime_values, self._yaml_values):
            if key in values:
                return values[key]
        if not self._database_rows:
            return default
        value = self._db_value(key)
        return default if value is absent or value is None else value

    store.get = get
