"""Internal users."""

from __future__ import annotations

import base64
import json
import secrets

from tests.database.routes.caller import Caller
from tests.database.routes.dates import DAYS

OLD, NEW = (f"Aa1!{secrets.token_hex(12)}" for _ in range(2))
ACTIVITY = "/user/daily/activity"


def walk(call: Caller) -> None:
    made = call("POST", "/user/new", {"user_email": "one@example.test", "user_role": "internal_user", "max_budget": 5})
    user = made["user_id"]
    assert made["key"].startswith("sk-")
    changed = call("POST", "/user/update", {"user_id": user, "max_budget": 7.25, "metadata": {"floor": 3}})
    assert changed["user_id"] == user
    info = call("GET", "/user/info", query={"user_id": user})["user_info"]
    assert (info["max_budget"], info["metadata"]) == (7.25, {"floor": 3})
    assert call("GET", "/v2/user/info", query={"user_id": user})["max_budget"] == 7.25
    listed = call("GET", "/user/list", query={"user_ids": user, "page_size": 10})
    assert [row["user_email"] for row in listed["users"]] == ["one@example.test"]
    assert user in str(call("GET", "/user/filter/ui", query={"user_email": "one@"}))
    bulk = {"users": [{"user_id": user, "user_alias": "first"}]}
    assert call("POST", "/user/bulk_update", bulk)["successful_updates"] == 1
    more = [{"user_email": f"{name}@example.test", "auto_create_key": False} for name in ("two", "three")]
    answer = call("POST", "/management/v1/users/bulk", {"users": more})
    others = sorted(row["user_id"] for row in answer["data"])
    assert len(others) == 2, answer
    _password(call)
    _activity(call, user)
    call("POST", "/management/v1/users/bulk_delete", {"user_ids": others})
    call("POST", "/user/delete", {"user_ids": [user]})
    assert call("GET", "/user/list", query={"user_ids": user})["users"] == []


def _password(call: Caller) -> None:
    """Changing a password takes the session that the admin UI has after a login with one."""
    user = call("POST", "/user/new", {"user_email": "login@example.test", "auto_create_key": False})["user_id"]
    call("POST", "/user/update", {"user_id": user, "password": OLD})
    login = call.ask("POST", "/v2/login", {"username": "login@example.test", "password": OLD})
    assert login.status_code == 200, login.text
    claims = login.json()["token"].split(".")[1]
    session = json.loads(base64.urlsafe_b64decode(claims + "=="))["key"]
    call("POST", "/user/password/change", {"current_password": OLD, "new_password": NEW}, key=session)
    again = call.ask("POST", "/v2/login", {"username": "login@example.test", "password": NEW})
    assert again.status_code == 200, again.text
    call("POST", "/user/delete", {"user_ids": [user]})


def _activity(call: Caller, user: str) -> None:
    asked = {**DAYS, "user_id": user}
    for path in ("", "/aggregated", "/aggregated/keys", "/aggregated/cache_leakage_keys", "/export"):
        call("GET", ACTIVITY + path, query=asked)
    call("GET", f"{ACTIVITY}/aggregated/search", query={**asked, "search": "mock"})
    call("GET", f"{ACTIVITY}/aggregated/model_top_keys", query={**asked, "model_group": "mock"})
