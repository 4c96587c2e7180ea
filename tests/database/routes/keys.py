"""Virtual keys."""

from __future__ import annotations

import hashlib

from tests.database.routes.caller import Caller


def walk(call: Caller) -> None:
    team = call("POST", "/team/new", {"team_alias": "of keys"})["team_id"]
    wanted = {"key_alias": "walked", "max_budget": 5, "models": ["mock"], "metadata": {"floor": 3}, "duration": "30d"}
    key = call("POST", "/key/generate", {**wanted, "team_id": team})["key"]
    service = call("POST", "/key/service-account/generate", {"team_id": team, "key_alias": "service"})["key"]
    hashed = hashlib.sha256(key.encode()).hexdigest()
    call("POST", "/key/update", {"key": key, "max_budget": 6.5})
    assert call("POST", "/key/bulk_update", {"keys": [{"key": hashed, "max_budget": 6.75}]})["successful_updates"]
    call("POST", "/team/key/bulk_update", {"team_id": team, "key_ids": [hashed], "update_fields": {"rpm_limit": 90}})
    info = call("GET", "/key/info", query={"key": key})["info"]
    found = [info[name] for name in ("key_alias", "max_budget", "rpm_limit", "models")]
    assert found == ["walked", 6.75, 90, ["mock"]]
    assert len(call("POST", "/v2/key/info", {"keys": [key, service]})["info"]) == 2
    assert hashed in call("GET", "/key/list", query={"team_id": team})["keys"]
    assert "walked" in call("GET", "/key/aliases")["aliases"]
    _blocked(call, key)
    call("POST", "/key/{key:path}/reset_spend", {"reset_to": 0}, parts={"key": hashed})
    assert call("POST", "/key/health", key=key)["key"] == "healthy"
    for path in ("/key/regenerate", "/key/{key:path}/regenerate"):
        call.refused("POST", path, {"key": key}, parts={"key": hashed})
    call("POST", "/key/delete", {"keys": [key, service]})
    assert call("GET", "/key/list", query={"team_id": team})["keys"] == []
    call("POST", "/team/delete", {"team_ids": [team]})


def _blocked(call: Caller, key: str) -> None:
    asked = {"model": "mock", "messages": [{"role": "user", "content": "hello"}]}
    call("POST", "/key/block", {"key": key})
    assert call.ask("POST", "/v1/chat/completions", asked, key=key).status_code == 401
    call("POST", "/key/unblock", {"key": key})
    assert call.ask("POST", "/v1/chat/completions", asked, key=key).status_code == 200
