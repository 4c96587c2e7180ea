"""Teams, their members, models, permissions and callbacks."""

from __future__ import annotations

from tests.database.routes.caller import Caller
from tests.database.routes.dates import DAYS

ACTIVITY = "/team/daily/activity"
CALLBACK = {
    "callback_name": "langfuse",
    "callback_type": "success",
    "callback_vars": {"langfuse_public_key": "pk", "langfuse_secret_key": "sk", "langfuse_host": "http://127.0.0.1:9"},
}


def walk(call: Caller) -> None:
    made = call(
        "POST", "/team/new", {"team_alias": "walked", "max_budget": 50, "models": ["mock"], "tpm_limit": 100000}
    )
    team = made["team_id"]
    named = {"team_id": team}
    users = [call("POST", "/user/new", {"auto_create_key": False})["user_id"] for _ in range(4)]
    call("POST", "/team/update", {**named, "max_budget": 60, "metadata": {"floor": 3}})
    call("PATCH", "/team/{team_id}", {"team_alias": "renamed"}, parts={"team_id": team})
    _members(call, team, users)
    call("POST", "/team/model/add", {**named, "models": ["other"]})
    call("POST", "/team/model/delete", {**named, "models": ["other"]})
    call("POST", "/team/block", named)
    call("POST", "/team/unblock", named)
    info = call("GET", "/team/info", query=named)["team_info"]
    found = [info[name] for name in ("team_alias", "max_budget", "metadata", "models", "blocked")]
    assert found == ["renamed", 60, {"floor": 3}, ["mock"], False]
    assert team in {row["team_id"] for row in call("GET", "/team/list")}
    assert team in {row["team_id"] for row in call("GET", "/v2/team/list", query={"page_size": 100})["teams"]}
    assert team in str(call("GET", "/team/filter/ui", query={"team_alias": "renamed"}))
    call("GET", "/team/available")
    _permissions(call, team)
    _callbacks(call, team)
    _activity(call, team)
    call("POST", "/team/delete", {"team_ids": [team]})
    assert team not in {row["team_id"] for row in call("GET", "/team/list")}
    call("POST", "/user/delete", {"user_ids": users})


def _members(call: Caller, team: str, users: list[str]) -> None:
    named = {"team_id": team}
    first, *others = users
    key = call("POST", "/key/generate", {"user_id": first})["key"]
    call("POST", "/team/member_add", {**named, "member": {"user_id": first, "role": "user"}, "max_budget_in_team": 5})
    call("POST", "/team/member_update", {**named, "user_id": first, "max_budget_in_team": 6, "role": "user"})
    members = [{"user_id": user, "role": "user"} for user in others]
    assert call("POST", "/team/bulk_member_add", {**named, "members": members})["successful_additions"] == 3
    budgets = [{"user_id": user, "max_budget_in_team": 2} for user in others]
    call("POST", "/management/v1/teams/{team_id}/members/bulk_update", {"members": budgets}, parts={"team_id": team})
    call(
        "POST",
        "/team/{team_id}/member/{user_id}/reset_spend",
        {"reset_to": 0},
        parts={"team_id": team, "user_id": first},
    )
    call("POST", "/team/{team_id}/member/{user_id}/reset_budget", parts={"team_id": team, "user_id": first})
    mine = call("GET", "/team/{team_id}/members/me", key=key, parts={"team_id": team})
    assert mine["user_id"] == first
    gone = [{"user_id": user} for user in others[:2]]
    call("POST", "/management/v1/teams/{team_id}/members/bulk_delete", {"members": gone}, parts={"team_id": team})
    call("POST", "/team/member_delete", {**named, "user_id": others[2]})
    members = call("GET", "/team/info", query=named)["team_info"]["members_with_roles"]
    assert first in {member["user_id"] for member in members}
    assert not {member["user_id"] for member in members} & set(others)


def _permissions(call: Caller, team: str) -> None:
    named = {"team_id": team}
    allowed = ["/key/generate", "/key/info"]
    call("POST", "/team/permissions_update", {**named, "team_member_permissions": allowed})
    assert set(allowed) <= set(call("GET", "/team/permissions_list", query=named)["team_member_permissions"])
    call("POST", "/team/permissions_bulk_update", {"team_ids": [team], "permissions": ["/key/update"]})


def _callbacks(call: Caller, team: str) -> None:
    path = "/team/{team_id:path}/callback"
    call("POST", path, CALLBACK, parts={"team_id": team})
    assert "langfuse" in str(call("GET", path, parts={"team_id": team}))
    call("DELETE", path + "/{callback_name}", parts={"team_id": team, "callback_name": "langfuse"})
    call("POST", "/team/{team_id}/disable_logging", parts={"team_id": team})


def _activity(call: Caller, team: str) -> None:
    asked = {**DAYS, "team_ids": team}
    for path in ("", "/aggregated", "/aggregated/keys", "/export"):
        call("GET", ACTIVITY + path, query=asked)
    call("GET", f"{ACTIVITY}/aggregated/search", query={**asked, "search": "mock"})
    call("GET", f"{ACTIVITY}/aggregated/model_top_keys", query={**asked, "model_group": "mock"})
    call("GET", "/team/spend/by_user", query=asked)
