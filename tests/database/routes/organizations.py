"""Organisations and their members: LiteLLM serves all but reports to its paying users only."""

from __future__ import annotations

from tests.database.routes.caller import Caller
from tests.database.routes.dates import DAYS

ACTIVITY = "/organization/daily/activity"


def walk(call: Caller) -> None:
    named = {"organization_id": "walked"}
    one = {**named, "user_id": "member"}
    call.refused("POST", "/organization/new", {"organization_alias": "walked", "max_budget": 100, "models": ["mock"]})
    call.refused("PATCH", "/organization/update", {**named, "max_budget": 90})
    call.refused("PATCH", "/v2/organization/{organization_id}", {"max_budget": 80}, parts=named)
    call.refused("POST", "/organization/member_add", {**named, "member": {"user_id": "member", "role": "org_admin"}})
    call.refused("PATCH", "/organization/member_update", {**one, "max_budget_in_organization": 5})
    call.refused("GET", "/organization/info", query=named)
    call.refused("POST", "/organization/info", {"organizations": ["walked"]})
    call.refused("GET", "/organization/list")
    asked = {**DAYS, "organization_ids": "walked"}
    call.refused("GET", ACTIVITY, query=asked)
    for path in ("", "/keys"):
        call("GET", f"{ACTIVITY}/aggregated{path}", query=asked)
    call("GET", f"{ACTIVITY}/aggregated/search", query={**asked, "search": "mock"})
    call("GET", f"{ACTIVITY}/aggregated/model_top_keys", query={**asked, "model_group": "mock"})
    call("GET", f"{ACTIVITY}/export", query=asked)
    call.refused("DELETE", "/organization/member_delete", one)
    call.refused("DELETE", "/organization/delete", {"organization_ids": ["walked"]})
