"""A deployment that has not changed is copied instead of validated again.

``Router.get_deployment`` makes a pydantic object of a hundred fields from the same dictionary four times in each
request (litellm/router.py). What it gives stays the caller's own: what can be changed in place is copied too.
"""

from __future__ import annotations

import copy
from datetime import datetime
from typing import Any, Final

from slipway.runtime.change import expect

_MEMORY: Final = "_slipway_deployments"
_PLAIN: Final = frozenset({str, int, float, bool, datetime, type(None)})
_ROOM: Final = 16


def remembered_deployments() -> None:
    """Give the router a ``get_deployment`` that remembers. Raises Unfit."""
    from litellm.router import Router
    from litellm.types.router import Deployment

    router: Any = Router
    validate = router.get_deployment
    expect(validate, "6ee5513f27cd")
    expect(Deployment.__init__, "b3c1f414113b")

    def get_deployment(self: Any, model_id: str) -> Any:
        place = self.model_id_to_deployment_index_map.get(model_id)
        source = None if place is None else self.model_list[place]
        if type(source) is not dict:
            return validate(self, model_id)
        remembered: dict[str, tuple[Any, Any]] = vars(self).setdefault(_MEMORY, {})
        known, deployment = remembered.get(model_id, (None, None))
        if known != source:
            if not _is_data(source) or (source.get("model_info") or {}).get("id") is None:
                return Deployment(**source)
            # Of the same moment, whatever another thread does to the list meanwhile.
            snapshot = copy.deepcopy(source)
            deployment = Deployment(**snapshot)
            if len(remembered) > 2 * len(self.model_list) + _ROOM:
                remembered.clear()
            remembered[model_id] = (snapshot, deployment)
        return _copied(deployment)

    router.get_deployment = get_deployment


def _is_data(value: Any) -> bool:
    """Whether equality tells all about it."""
    if type(value) is dict:
        return all(map(_is_data, value.values()))
    if type(value) in (list, tuple):
        return all(map(_is_data, value))
    return type(value) in _PLAIN


def _copied(model: Any) -> Any:
    copied = model.model_copy()
    for values in (vars(copied), copied.__pydantic_extra__ or {}):
        for name, value in values.items():
            if type(value) not in _PLAIN:
                values[name] = _copied(value) if hasattr(value, "model_copy") else copy.deepcopy(value)
    return copied
