"""The shortcuts on the way of a request give what LiteLLM's own functions give, and say so when they do not fit."""

from __future__ import annotations

from tests.support.lab import Lab, Spec

SETTINGS = """
from collections.abc import Mapping
from litellm.proxy.config_resolvers.settings_store import SettingsStore

def stores():
    for rows in ({}, {"stored": 1, "both": 2, "null": None, "false": False}):
        for runtime in ({}, {"runtime": 3, "both": 4}):
            for deleted in ((), ("stored", "runtime")):
                store = SettingsStore("general_settings")
                store.load_yaml({"written": 5, "both": 6, "none": None, "pass_through_endpoints": []})
                if rows:
                    store.apply_db_row("general_settings", rows)
                store.apply_runtime_values(runtime)
                for key in deleted:
                    if key in store:
                        del store[key]
                yield store

keys = ("stored", "both", "null", "false", "runtime", "written", "none", "pass_through_endpoints", "unknown")
expected = [[Mapping.get(store, key, "default") for key in keys] for store in stores()]
install()
found = [[store.get(key, "default") for key in keys] for store in stores()]
assert "get" in vars(SettingsStore)
assert found == expected, (found, expected)
assert len({repr(values) for values in found}) > 3
print(next(stores()).get("unknown"))
"""
LABELS = """
from dataclasses import replace
from litellm.types.integrations.prometheus import UserAPIKeyLabelValues as Labels

given = (
    {},
    {"model": "m", "tags": ["a", "b"], "stream": True, "custom_metadata_labels": {"x": "y"}},
    {"api_key_hash": "hash", "nothing": 1, "user": None},
)
def made():
    for values in given:
        labels = Labels(**values)
        for each in (labels, replace(labels, rate_limit_type="rpm")):
            yield vars(each), list(vars(each)), each.model_dump()

before, expected = Labels.__init__, list(made())
install()
assert Labels.__init__ is not before
assert list(made()) == expected
try:
    Labels().model = "m"
except Exception as problem:
    print(type(problem).__name__)
"""
DEPLOYMENTS = """
from datetime import datetime
from litellm import Router
from litellm.types.router import Deployment

def model(number, **more):
    parameters = {"model": "openai/m", "api_key": "k", "tags": ["a"], "rpm": 5, "unknown": {"deep": [1]}}
    # LiteLLM itself puts times and tuples there.
    info = {"id": number, "input_cost_per_token": 1, "created_at": datetime.now(), "windows": (1, [2])}
    return {"model_name": "m", "litellm_params": parameters | more, "model_info": info}

router = Router(model_list=[model("1"), model("2", rpm=None)])
original = Router.get_deployment
install()
assert Router.get_deployment is not original
for _ in range(3):
    for number in ("1", "2", "3"):
        found, expected = router.get_deployment(model_id=number), original(router, number)
        assert type(found) is type(expected) and repr(found) == repr(expected), (found, expected)
        if found is not None:
            assert isinstance(found, Deployment) and found == expected
            assert found.model_fields_set == expected.model_fields_set
            # What a caller does to its own is nobody else's.
            found.litellm_params.tags.append("b")
            found.litellm_params.unknown["deep"].append(2)
            found.model_info.team_id = "t"
            found.blocked = True
router.model_list[0]["litellm_params"]["rpm"] = 7
assert router.get_deployment("1").litellm_params.rpm == 7
router.delete_deployment("1")
assert router.get_deployment("1") is None and router.get_deployment("2").litellm_params.rpm is None
print("the same")
"""
TARGETS = """
import asyncio
from litellm import _internal_context as context

original = context.service_target
install()
assert context.service_target is not original
seen = context.current_service_target

@context.with_service_target("outer")
async def outer():
    first = seen()
    inner()
    await asyncio.sleep(0)
    return first, seen()

@context.with_service_target("inner")
def inner():
    assert seen() == "inner"

@context.with_service_target("failing")
async def failing():
    raise KeyError(seen())

async def main():
    assert await asyncio.gather(outer(), outer()) == [("outer", "outer")] * 2
    try:
        await failing()
    except KeyError as problem:
        print(problem, seen())

asyncio.run(main())
"""
CHANGED = """
from litellm.router import Router
Router.get_deployment = lambda self, model_id: None
install()
"""


def python(lab: Lab, code: str, env: dict[str, str] | None = None) -> str:
    code = f"""
import os
from slipway.runtime import request_path, warmup
refused = []
with warmup.entered(warmup.load(), os.environ, refused):
    import litellm.proxy.proxy_server
def install():
    request_path.install(os.environ, refused)
{code}
print(refused)
"""
    done = lab.once(Spec(entrypoint=("python", "-P", "-c", code), env=env or {}, network="none"))
    assert done.code == 0, done.output
    return done.stdout


def test_settings_are_the_same(lab: Lab) -> None:
    assert python(lab, SETTINGS) == "None\n[]\n"


def test_labels_are_the_same(lab: Lab) -> None:
    assert python(lab, LABELS) == "FrozenInstanceError\n[]\n"


def test_deployments_are_the_same_and_the_callers_own(lab: Lab) -> None:
    assert python(lab, DEPLOYMENTS) == "the same\n[]\n"


def test_targets_are_named_and_forgotten_as_before(lab: Lab) -> None:
    assert python(lab, TARGETS) == "'failing' None\n[]\n"


def test_what_does_not_fit_is_left_out_and_named(lab: Lab) -> None:
    told = python(lab, CHANGED)
    assert told.startswith("['remembered-deployments: ")
    assert told.count(": ") == 1


def test_each_has_its_switch(lab: Lab) -> None:
    switches = ("DEPLOYMENTS", "SETTINGS", "LABELS", "TARGETS")
    env = {f"SLIPWAY_PATCH_{switch}": "off" for switch in switches}
    code = "from litellm.router import Router\nbefore = Router.get_deployment\ninstall()\n"
    assert python(lab, f"{code}print(Router.get_deployment is before)", env) == "True\n[]\n"
    assert python(lab, f"{code}print(Router.get_deployment is before)") == "False\n[]\n"
