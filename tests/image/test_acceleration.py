"""fast-litellm: requests are answered in every mode, and what breaks them is refused or taken out, by name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from slipway.runtime.acceleration.components import COMPONENTS, RECORDED_WITH
from tests.support import gateway
from tests.support.fake import Provider
from tests.support.gateway import Gateway
from tests.support.lab import Box, Finished, Lab, Spec
from tests.support.processes import server_of, tree, workers_of

NONE_LEFT = {component.alias: "false" for component in COMPONENTS}
ACTIVE_LINE = "fast_litellm: active components = "
# Read by the application itself; a gateway gets it from the launcher only.
TOKEN_COUNTER_ACTIVE = {
    "SLIPWAY_ACCELERATION_COMPONENTS": "token_counter",
    "LITELLM_RUST_RUST_TOKEN_COUNTING": "true",
}
END_SECONDS = 300


def run(lab: Lab, directory: Path, mode: str, *args: str, **env: str) -> Finished:
    args = (*args, "--config", gateway.CONFIG_PATH)
    env = {"SLIPWAY_ACCELERATION": mode, **env}
    return lab.once(gateway.specify(directory, args=args, env=env), END_SECONDS)


def python(lab: Lab, code: str, env: dict[str, str]) -> Finished:
    command = ("python", "-P", "-c", code)
    return lab.once(Spec(command=command, env=gateway.environment(env)), END_SECONDS)


def maps_of(box: Box, pid: int) -> str:
    return box.exec(["cat", f"/proc/{pid}/maps"]).output


def uses_native_code(box: Box, pid: int) -> bool:
    return "/fast_litellm/_rust" in maps_of(box, pid)


@pytest.mark.parametrize(
    ("mode", "env"),
    [("off", {}), ("auto", {}), ("on", NONE_LEFT), ("canary:10", {})],
    ids=["off", "auto", "on", "canary"],
)
def test_completion_stream_and_embedding_are_answered(
    lab: Lab, network: str, provider: Provider, directory: Path, mode: str, env: dict[str, str]
) -> None:
    running = gateway.start(lab, directory, network=network, env={"SLIPWAY_ACCELERATION": mode, **env})
    client = running.openai()
    assert running.ask("provider/chat") == "echo of hello"
    stream = client.chat.completions.create(
        model="provider/chat", messages=[{"role": "user", "content": "hello"}], stream=True
    )
    assert "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices) == "echo of hello"
    answer = client.embeddings.create(model="provider/vectors", input=["hello"])
    assert answer.data[0].embedding == [0.25, -0.5, 1.0]
    assert_nothing_is_active(running, mode)


def assert_nothing_is_active(running: Gateway, mode: str) -> None:
    """No component passes its self-test: a mode that was asked for says so, and none loads the native code."""
    log = running.box.logs()
    assert (f"{ACTIVE_LINE}[]" in log) == (mode in ("on", "canary:10")), log
    named = [component.name for component in COMPONENTS if f"fast-litellm's {component.name} is taken out" in log]
    assert named == ([component.name for component in COMPONENTS] if mode == "canary:10" else [])
    server = server_of(tree(running.box), "uvicorn")
    assert not uses_native_code(running.box, server.pid)


def test_auto_is_the_default(lab: Lab, directory: Path) -> None:
    done = lab.once(gateway.specify(directory, args=("explain", "--format", "json", "--config", gateway.CONFIG_PATH)))
    told = json.loads(done.stdout)
    assert told["settings"]["SLIPWAY_ACCELERATION"] == {"value": "auto", "source": "default"}
    assert {row["state"] for row in told["acceleration"]["components"]} == {"off"}


def test_on_refuses_each_component_that_fails_and_says_how(lab: Lab, directory: Path) -> None:
    done = run(lab, directory, "on")
    assert done.code == 65, done.output
    assert "Traceback" not in done.output
    errors = [line for line in done.stderr.splitlines() if line.startswith("slipway: error: ")]
    for component, line in zip(COMPONENTS, errors, strict=True):
        assert f"SLIPWAY_ACCELERATION asks for fast-litellm's {component.name}," in line
        assert f"{component.alias}=false" in done.stderr
    told = dict(zip((component.name for component in COMPONENTS), errors, strict=True))
    assert "router fails: AttributeError" in told["router"]
    assert "token counts differ" in told["token_counter"]
    assert "LiteLLM has no litellm.utils.count_tokens_batch" in told["batch_token_counter"]
    assert "LiteLLM has no litellm.SimpleRateLimiter" in told["rate_limiter"]
    assert "LiteLLM has no litellm.SimpleConnectionPool" in told["connection_pool"]


def test_the_record_is_of_the_releases_in_the_image(lab: Lab) -> None:
    """A new line of LiteLLM and a new fast-litellm are measured again: docs/decisions/0010-acceleration.md."""
    code = (
        f"import json, importlib.metadata as m; print(json.dumps({{n: m.version(n) for n in {list(RECORDED_WITH)!r}}}))"
    )
    done = python(lab, code, {})
    installed = json.loads(done.stdout)
    assert all(f"{installed[name]}.".startswith(f"{recorded}.") for name, recorded in RECORDED_WITH.items()), installed
    # The test before this one shows that each fails; one that passes is measured and gets a verdict of its own.
    assert [component.name for component in COMPONENTS if component.pays] == []


def test_explain_shows_each_component_and_why(lab: Lab, directory: Path) -> None:
    env = {"FAST_LITELLM_RUST_ROUTING": "false", "LITELLM_RUST_RUST_TOKEN_COUNTING": "canary:5"}
    done = run(lab, directory, "on", "explain", "--format", "json", **env)
    assert done.code == 0, done.output
    told = json.loads(done.stdout)["acceleration"]
    states = {row["name"]: (row["state"], row["why"]) for row in told["components"]}
    assert told["mode"] == "on"
    assert states["router"] == ("off", "switched off by FAST_LITELLM_RUST_ROUTING")
    assert states["token_counter"][0] == "taken out"
    assert "token counts differ" in states["token_counter"][1]
    assert states["rate_limiter"] == ("taken out", "LiteLLM has no litellm.SimpleRateLimiter")


def test_explain_shows_the_components_to_a_person(lab: Lab, directory: Path) -> None:
    done = run(lab, directory, "auto", "explain")
    assert done.code == 0, done.output
    _, _, section = done.stdout.partition("Acceleration by fast-litellm (auto)\n")
    assert [line.split()[:2] for line in section.splitlines()[: len(COMPONENTS)]] == [
        [f"{component.name}:", "off;"] for component in COMPONENTS
    ]


@pytest.mark.parametrize("value", ["sometimes", "canary:101"])
def test_a_bad_value_is_refused(lab: Lab, directory: Path, value: str) -> None:
    done = run(lab, directory, value)
    assert done.code == 65, done.output
    assert "SLIPWAY_ACCELERATION" in done.stderr
    assert value not in done.output


IN_ORDER = """
import json, sys
from slipway.runtime import preload
preload.preload()
import litellm, litellm.utils
names = list(sys.modules)
print(json.dumps({
    "first": names.index("fast_litellm") < names.index("litellm"),
    "in the way of a fork": preload.obstacles(),
    "wrapped": [type(place.token_counter).__module__ for place in (litellm, litellm.utils)],
    "router": litellm.router.Router is litellm.Router,
}))
"""


def test_fast_litellm_comes_before_litellm_and_nothing_of_it_hinders_a_fork(lab: Lab) -> None:
    done = python(lab, IN_ORDER, TOKEN_COUNTER_ACTIVE | {"SLIPWAY_FORKS_WORKERS": "1"})
    assert done.code == 0, done.output
    wrapper = "fast_litellm.enhanced_monkeypatch"
    expected = {"first": True, "in the way of a fork": [], "wrapped": [wrapper, wrapper], "router": True}
    assert json.loads(done.stdout.splitlines()[-1]) == expected
    assert f"{ACTIVE_LINE}['token_counter']" in done.stderr


def test_a_litellm_that_was_there_first_is_an_error(lab: Lab) -> None:
    done = python(lab, "import litellm, slipway.runtime.asgi", TOKEN_COUNTER_ACTIVE)
    assert done.code == 1
    assert "LiteLLM was imported before fast-litellm" in done.stderr


def test_the_workers_of_a_preloading_gunicorn_inherit_the_components(lab: Lab, directory: Path) -> None:
    options = ("--preload", "-w", "2", "-k", "uvicorn.workers.UvicornWorker", "-b", "0.0.0.0:4000")
    args = ("gunicorn", "slipway.runtime.asgi:app", *options)
    env = {"CONFIG_FILE_PATH": gateway.CONFIG_PATH, **TOKEN_COUNTER_ACTIVE}
    running = gateway.start(lab, directory, args=args, env=env, supervised=False)
    assert running.ask() == "mocked answer"
    assert running.box.logs().count(f"{ACTIVE_LINE}['token_counter']") == 1
    found = tree(running.box)
    server = server_of(found, "gunicorn", supervised=False)
    workers = workers_of(found, server, 2)
    assert len(workers) == 2
    assert all(uses_native_code(running.box, process.pid) for process in (server, *workers))


COUNTED = """
import slipway.runtime.asgi
import litellm
hello = [{"role": "user", "content": "Say hello in a few words."}]
# The native counter leaves the message's overhead out, which tells whose count it is.
full = litellm.token_counter.original_func(model="gpt-4o", messages=hello)
print(sum(litellm.token_counter(model="gpt-4o", messages=hello) != full for _ in range(4000)))
"""


@pytest.mark.parametrize(("share", "least", "most"), [("10", 250, 550), ("0", 0, 0), ("100", 4000, 4000)])
def test_a_canary_takes_its_percentage_of_calls(lab: Lab, share: str, least: int, most: int) -> None:
    """400 of 4000 calls are expected at 10 percent; the bounds are eight standard deviations away."""
    done = python(lab, COUNTED, TOKEN_COUNTER_ACTIVE | {"LITELLM_RUST_RUST_TOKEN_COUNTING": f"canary:{share}"})
    assert done.code == 0, done.output
    assert least <= int(done.stdout.splitlines()[-1]) <= most
    assert f"(token_counter canary:{share})" in done.stderr
