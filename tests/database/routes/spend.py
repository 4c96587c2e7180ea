"""Spend: requests of a key, and every report about them."""

from __future__ import annotations

import math
from typing import Any

from tests.database.routes.caller import Caller
from tests.database.routes.dates import DAYS, INSTANTS, SECONDS
from tests.support.lab import wait_until

REQUESTS = 3
# Made by the database's administrator: LiteLLM lets only its paying users make one.
ORGANIZATION = "walked-organization"
ORGANIZATION_SQL = f"""
    INSERT INTO "LiteLLM_BudgetTable" (budget_id, max_budget, created_by, updated_by)
    VALUES ('{ORGANIZATION}', 100, 'test', 'test');
    INSERT INTO "LiteLLM_OrganizationTable"
    (organization_id, organization_alias, budget_id, models, created_by, updated_by)
    VALUES ('{ORGANIZATION}', 'Walked', '{ORGANIZATION}', '{{}}', 'test', 'test')
"""


def walk(call: Caller) -> None:
    team = call("POST", "/team/new", {"team_alias": "of spend", "organization_id": ORGANIZATION})["team_id"]
    user = call("POST", "/user/new", {"user_email": "spender@example.test", "auto_create_key": False})["user_id"]
    key = call("POST", "/key/generate", {"team_id": team, "user_id": user, "key_alias": "spender"})["key"]
    asked = {
        "model": "mock",
        "messages": [{"role": "user", "content": "hello"}],
        "user": "customer",
        "metadata": {"tags": ["walked"]},
    }
    ids = {call("POST", "/v1/chat/completions", asked, key=key)["id"] for _ in range(REQUESTS)}
    wait_until("the rows of the requests", lambda: ids <= _logged(call, key), 60)
    rows = call("GET", "/spend/logs", query={"api_key": key})
    total = sum(row["spend"] for row in rows)
    assert total > 0
    wait_until("the spend of the key", lambda: math.isclose(_spent(call, key), total), 60)
    rows = call("GET", "/spend/logs", query={"request_id": next(iter(ids))})
    found = [(row["user"], row["team_id"], row["organization_id"], row["end_user"]) for row in rows]
    assert found == [(user, team, ORGANIZATION, "customer")]
    reported = "/organization/daily/activity/aggregated"
    asked_for = {**DAYS, "organization_ids": ORGANIZATION}
    wait_until("the organisation's report", lambda: _total(call("GET", reported, query=asked_for)) > 0, 60)
    _lists(call, next(iter(ids)))
    _reports(call, key, team, user)
    _totals(call)


def _logged(call: Caller, key: str) -> set[str]:
    return {row["request_id"] for row in call("GET", "/spend/logs", query={"api_key": key})}


def _spent(call: Caller, key: str) -> float:
    return float(call("GET", "/key/info", query={"key": key})["info"]["spend"])


def _total(report: Any) -> float:
    return float(report["metadata"]["total_spend"])


def _lists(call: Caller, request: str) -> None:
    for path in ("/spend/logs/v2", "/spend/logs/ui"):
        assert request in str(call("GET", path, query={**SECONDS, "page_size": 100}))
    call(
        "GET", "/spend/logs/ui/{request_id}", query={"start_date": SECONDS["start_date"]}, parts={"request_id": request}
    )
    call("GET", "/spend/logs/session/ui", query={"session_id": request})
    call("GET", "/management/v1/spend_logs/end_users", query=INSTANTS)
    call("GET", "/management/v1/spend_logs/users", query=INSTANTS)


def _reports(call: Caller, key: str, team: str, user: str) -> None:
    call("GET", "/spend/keys")
    call("GET", "/spend/users")
    for path in ("/spend/tags", "/global/spend/tags", "/global/spend/all_tag_names"):
        call("GET", path, query=DAYS)
    whose = {"key": {"api_key": key}, "user": {"internal_user_id": user}, "team": {"team_id": team}}
    for kind, named in {**whose, "organization": {}, "global": {}}.items():
        call.refused("GET", f"/{kind}/spend/report", query={**DAYS, **named})
    call("GET", "/global/spend/provider", query=DAYS)
    for path in ("", "/model", "/cache_hits"):
        call("GET", f"/global/activity{path}", query=DAYS)
    for path in ("/exceptions", "/exceptions/deployment"):
        call("GET", f"/global/activity{path}", query={**DAYS, "model_group": "mock"})


def _totals(call: Caller) -> None:
    call("POST", "/global/spend/refresh")
    for path in ("", "/logs", "/keys", "/teams", "/models"):
        call("GET", f"/global/spend{path}", query={"limit": 10})
    call("POST", "/global/spend/end_users", {})
    assert "customer" in str(call("GET", "/global/all_end_users"))
    call("POST", "/global/spend/reset")
