"""Budgets, and what LiteLLM tags with them: allowed addresses."""

from __future__ import annotations

from tests.database.routes.caller import ADDRESS, Caller


def walk(call: Caller) -> None:
    budget = call("POST", "/budget/new", {"max_budget": 10, "budget_duration": "1d", "tpm_limit": 1000})["budget_id"]
    changed = call("POST", "/budget/update", {"budget_id": budget, "max_budget": 12.5})
    assert changed["max_budget"] == 12.5
    assert [row["max_budget"] for row in call("POST", "/budget/info", {"budgets": [budget]})] == [12.5]
    assert call("GET", "/budget/settings", query={"budget_id": budget})
    assert budget in {row["budget_id"] for row in call("GET", "/budget/list")}
    assert budget in str(call("GET", "/management/v1/budgets"))
    call("POST", "/budget/delete", {"id": budget})
    assert budget not in {row["budget_id"] for row in call("GET", "/budget/list")}
    # The first one shuts out everybody else, so it is the one that the calls come from; it stays.
    for address in (ADDRESS, "192.0.2.8"):
        call("POST", "/add/allowed_ip", {"ip": address})
    call("POST", "/delete/allowed_ip", {"ip": "192.0.2.8"})
