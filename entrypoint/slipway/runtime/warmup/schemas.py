"""pydantic builds the schema of a class or adapter when it is first used, instead of when it is defined.

Of about 2,800 classes that the proxy defines, a gateway uses some hundred. pydantic has the setting (``defer_build``);
here it is the default while the proxy is imported. Classes defined later, a user's hooks for example, are built at
once, as ever.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from slipway.runtime.change import Unfit, expect
from slipway.runtime.warmup.store import Store

_INIT_CORE_ATTRS: Final = "14ae525ab16a"


@contextmanager
def deferred_schemas(store: Store) -> Iterator[None]:
    """Defer what is defined meanwhile. Raises Unfit."""
    from pydantic import TypeAdapter
    from pydantic._internal import _config, _mock_val_ser

    defaults: Any = _config.config_defaults
    if defaults.get("defer_build") is not False:
        raise Unfit("pydantic's default of defer_build is not what it was")
    original: Any = getattr(TypeAdapter, "_init_core_attrs", None)
    expect(original, _INIT_CORE_ATTRS)

    def init_core_attrs(self: Any, ns_resolver: Any, force: bool, raise_errors: bool = False) -> bool:
        if force:
            return bool(original(self, ns_resolver, force, raise_errors))

        def rebuild(*, raise_errors: bool = True, **_: object) -> bool:
            # As at the definition: names are looked up where the adapter was made, not where it is first used.
            done = bool(original(self, ns_resolver, True, raise_errors))
            if done:
                vars(self).pop("rebuild", None)
            return done

        vars(self)["rebuild"] = rebuild
        _mock_val_ser.set_type_adapter_mocks(self)
        self.pydantic_complete = False
        return False

    defaults["defer_build"] = True
    adapter: Any = TypeAdapter
    adapter._init_core_attrs = init_core_attrs
    try:
        yield
    finally:
        adapter._init_core_attrs = original
        defaults["defer_build"] = False
