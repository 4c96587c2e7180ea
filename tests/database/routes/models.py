"""Models kept in the database, their access groups, and the reports about them."""

from __future__ import annotations

from tests.database.routes.caller import Caller
from tests.database.routes.dates import DAYS

GROUP = {"access_group": "walked-group"}
ROUTER = {"tiers": {"SIMPLE": "mock", "MEDIUM": "mock", "COMPLEX": "mock", "REASONING": "mock"}}


def walk(call: Caller) -> None:
    params = {"model": "openai/stored", "api_key": "sk-stored", "mock_response": "from the database"}
    made = call(
        "POST", "/model/new", {"model_name": "stored", "litellm_params": params, "model_info": {"tier": "paid"}}
    )
    model = made["model_id"]
    changed = {"model_name": "stored", "litellm_params": {"max_tokens": 77}, "model_info": {"id": model}}
    call("POST", "/model/update", changed)
    call("PATCH", "/model/{model_id}/update", {"litellm_params": {"temperature": 0.5}}, parts={"model_id": model})
    call("POST", "/model/block", {"model_id": model})
    call("POST", "/model/unblock", {"model_id": model})
    _lists(call, model)
    _groups(call, model)
    _reports(call)
    _reloads(call)
    call("POST", "/model/delete", {"id": model})
    assert "stored" not in {row["model_name"] for row in call("GET", "/model/info")["data"]}


def _lists(call: Caller, model: str) -> None:
    for path in ("/models", "/v1/models"):
        assert "stored" in {row["id"] for row in call("GET", path)["data"]}
    for path in ("/models/{model_id}", "/v1/models/{model_id}"):
        assert call("GET", path, parts={"model_id": "stored"})["id"] == "stored"
    for path in ("/model/info", "/v1/model/info", "/v2/model/info"):
        rows = [row for row in call("GET", path)["data"] if row["model_info"]["id"] == model]
        assert [row["litellm_params"]["max_tokens"] for row in rows] == [77]
    assert "stored" in {row["model_group"] for row in call("GET", "/model_group/info")["data"]}
    for path in ("/public/model_hub", "/public/v1/model_hub"):
        call("GET", path)


def _groups(call: Caller, model: str) -> None:
    call("POST", "/access_group/new", {**GROUP, "model_ids": [model]})
    assert "walked-group" in str(call("GET", "/access_group/list"))
    call("GET", "/access_group/{access_group}/info", parts=GROUP)
    call("PUT", "/access_group/{access_group}/update", {"model_names": ["stored"]}, parts=GROUP)
    call("PUT", "/access_group/{access_group}/budget", {"max_budget": 5, "budget_duration": "1d"}, parts=GROUP)
    assert "5" in str(call("GET", "/access_group/{access_group}/budget", parts=GROUP))
    call("DELETE", "/access_group/{access_group}/budget", parts=GROUP)
    call("DELETE", "/access_group/{access_group}/delete", parts=GROUP)
    assert "walked-group" not in str(call("GET", "/access_group/list"))


def _reports(call: Caller) -> None:
    for path in ("/model/metrics", "/model/metrics/slow_responses"):
        call("GET", path, query={"_selected_model_group": "stored"})
    call("GET", "/model/streaming_metrics", query={"_selected_model_group": "stored"})
    call("POST", "/auto_router/availability", {"complexity_router_config": ROUTER})
    call("POST", "/auto_router/validate_complexity_router_config", {"complexity_router_config": ROUTER})
    call("POST", "/auto_router/test_routing", {"complexity_router_config": ROUTER, "prompt": "hello"})
    call("GET", "/gateway/daily/activity", query=DAYS)


def _reloads(call: Caller) -> None:
    for name in ("model_cost_map", "anthropic_beta_headers"):
        call("POST", f"/schedule/{name}_reload", query={"hours": 6})
        assert call("GET", f"/schedule/{name}_reload/status")["scheduled"]
        call("DELETE", f"/schedule/{name}_reload")
        call("POST", f"/reload/{name}")
