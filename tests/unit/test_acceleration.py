"""What is asked of fast-litellm, and what is made of a trial's answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from slipway import settings
from slipway.report import ExitCode, Refusal, exit_code
from slipway.runtime import acceleration
from slipway.runtime.acceleration import proof, request
from slipway.runtime.acceleration.answers import failure
from slipway.runtime.acceleration.components import COMPONENTS

NAMES = [component.name for component in COMPONENTS]
FAST = [replace(component, pays=component.name == "token_counter") for component in COMPONENTS]
PLAIN: proof.Answers = {"completion": "hello", "token counts": {"text": 7, "tools": 50}}


def trial_of(**broken: proof.Answers) -> proof.Trial:
    """A trial in which the components that are named change these answers."""

    def trial(names: Sequence[str]) -> proof.Answers:
        answers = dict(PLAIN)
        for name in names:
            answers |= broken.get(name, {})
        return answers

    return trial


@pytest.mark.parametrize(
    ("value", "meant"),
    [("off", "off"), ("AUTO", "auto"), (" on ", "on"), ("canary:10", "canary:10"), ("Canary:007", "canary:7")],
)
def test_a_mode_is_read(value: str, meant: str) -> None:
    assert settings.resolve({}, {request.VARIABLE: value}, {}).text(request.VARIABLE) == meant


@pytest.mark.parametrize("value", ["yes", "canary", "canary:", "canary:101", "canary:-1", "canary:1.5", "canary:ten"])
def test_another_mode_is_refused_by_name_and_not_shown(value: str) -> None:
    with pytest.raises(Refusal) as refusal:
        settings.resolve({}, {request.VARIABLE: value}, {})
    (finding,) = refusal.value.findings
    assert finding.code is ExitCode.CONFIG
    assert request.VARIABLE in finding.what
    assert "canary:N" in finding.what
    assert f" {value}." not in finding.what


def test_off_asks_for_nothing_whatever_the_flags_say() -> None:
    wanted = request.read("off", {"FAST_LITELLM_RUST_ROUTING": "true"})
    assert (wanted.shares, sorted(wanted.declined)) == ({}, sorted(NAMES))


def test_auto_asks_for_what_pays_and_says_why_not_for_the_others() -> None:
    wanted = request.read("auto", {}, FAST)
    assert wanted.shares == {"token_counter": "true"}
    assert wanted.declined == {c.name: c.record for c in FAST if not c.pays}


def test_on_asks_for_all_and_canary_for_a_share_of_all() -> None:
    assert request.read("on", {}).shares == dict.fromkeys(NAMES, "true")
    assert request.read("canary:10", {}).shares == dict.fromkeys(NAMES, "canary:10")
    assert request.read("on", {}).strict
    assert not request.read("canary:10", {}).strict


@pytest.mark.parametrize(
    ("name", "value", "share"),
    [
        ("FAST_LITELLM_RUST_TOKEN_COUNTING", "canary:25", "canary:25"),
        ("FAST_LITELLM_RUST_TOKEN_COUNTING", "enabled", "true"),
        ("FAST_LITELLM_RUST_TOKEN_COUNTING", "rollout:5", "rollout:5"),
        ("LITELLM_RUST_RUST_TOKEN_COUNTING", "CANARY:25", "canary:25"),
        ("FAST_LITELLM_RUST_TOKEN_COUNTING", "false", None),
        ("FAST_LITELLM_RUST_TOKEN_COUNTING", "canary:0", None),
        ("FAST_LITELLM_DISABLE_ALL", "true", None),
        ("LITELLM_RUST_DISABLE_ALL", "true", None),
    ],
)
def test_a_flag_is_taken_by_the_guides_name_and_by_the_packages_own(name: str, value: str, share: str | None) -> None:
    assert request.read("on", {name: value}).shares.get("token_counter") == share


def test_the_name_that_the_package_reads_beats_the_guides() -> None:
    both = {"LITELLM_RUST_BATCH_TOKEN_COUNTING": "false", "FAST_LITELLM_BATCH_TOKEN_COUNTING": "canary:10"}
    assert "batch_token_counter" in request.read("on", both).declined


@pytest.mark.parametrize("value", ["sometimes", "canary:200", "canary"])
def test_a_flag_that_says_nothing_is_refused(value: str) -> None:
    decided = proof.settle("auto", {"FAST_LITELLM_RUST_ROUTING": value})
    assert exit_code(decided.findings) is ExitCode.CONFIG
    assert "FAST_LITELLM_RUST_ROUTING" in decided.findings[0].what
    assert value not in decided.findings[0].what.replace("canary:N", "")


def test_a_flag_of_no_component_is_a_warning() -> None:
    (finding,) = request.read("auto", {"FAST_LITELLM_RUST_ROUTNG": "false"}).findings
    assert (finding.severity, "FAST_LITELLM_RUST_ROUTNG" in finding.what) == ("warning", True)


def test_a_flag_without_effect_under_auto_is_said() -> None:
    (finding,) = request.read("auto", {"FAST_LITELLM_BATCH_TOKEN_COUNTING": "canary:10"}).findings
    assert (finding.severity, "FAST_LITELLM_BATCH_TOKEN_COUNTING" in finding.what) == ("info", True)


@pytest.mark.parametrize("mode", ["off", "auto", "canary:0"])
def test_no_trial_runs_when_nothing_is_asked_for(mode: str) -> None:
    def never(_: Sequence[str]) -> proof.Answers:
        raise AssertionError("a trial ran")

    decided = proof.settle(mode, {}, never)
    assert (decided.active, decided.environment({})) == ([], {})


def test_what_passes_is_active_and_reaches_the_server_in_the_packages_words() -> None:
    decided = proof.settle("canary:10", {"FAST_LITELLM_RUST_ROUTING": "true"}, trial_of())
    assert decided.active == NAMES
    changes = decided.environment({})
    assert changes[acceleration.ACTIVE_VARIABLE] == ",".join(NAMES)
    assert changes["LITELLM_RUST_RUST_ROUTING"] == "true"
    assert changes["LITELLM_RUST_RUST_TOKEN_COUNTING"] == "canary:10"
    assert decided.environment({"LITELLM_RUST_FEATURE_CONFIG": "x.json"})["LITELLM_RUST_FEATURE_CONFIG"] is None


def test_nobody_else_can_name_active_components() -> None:
    assert proof.settle("auto", {}).environment({acceleration.ACTIVE_VARIABLE: "router"}) == {
        acceleration.ACTIVE_VARIABLE: None
    }


def test_what_fails_or_changes_an_answer_is_taken_out_and_named() -> None:
    trial = trial_of(
        router={"completion": failure("status 400")}, token_counter={"token counts": {"text": 7, "tools": 7}}
    )
    decided = proof.settle("canary:10", {}, trial)
    assert decided.active == ["batch_token_counter", "rate_limiter", "connection_pool"]
    told = {state.name: state.why for state in decided.states if state.state == "taken out"}
    assert told == {
        "router": "completion fails: status 400",
        "token_counter": "token counts differ in 1 of 2 cases (tools: 7 instead of 50)",
    }
    assert [finding.severity for finding in decided.findings] == ["warning", "warning"]
    assert exit_code(decided.findings) is ExitCode.DONE


def test_on_refuses_what_fails() -> None:
    decided = proof.settle("on", {}, trial_of(router={"completion": "changed"}))
    (finding,) = decided.findings
    assert (finding.severity, finding.code) == ("error", ExitCode.CONFIG)
    assert "router" in finding.what
    assert "completion changes" in finding.what
    assert "FAST_LITELLM_RUST_ROUTING=false" in finding.fix


def test_each_component_is_tried_with_those_that_passed_before() -> None:
    runs: list[tuple[str, ...]] = []

    def trial(names: Sequence[str]) -> proof.Answers:
        runs.append(tuple(names))
        return {**PLAIN, "completion": "changed"} if "b" in names else PLAIN

    assert list(proof.prove(["a", "b", "c"], trial)) == ["b"]
    assert runs == [(), ("a",), ("a", "b"), ("a", "c")]


def test_what_litellm_has_no_place_for_is_not_tried() -> None:
    runs: list[tuple[str, ...]] = []

    def trial(names: Sequence[str]) -> proof.Answers:
        runs.append(tuple(names))
        return PLAIN if names else {**PLAIN, "lacking": {"a": "LiteLLM has no a"}}

    assert proof.prove(["a", "b"], trial) == {"a": "LiteLLM has no a"}
    assert runs == [(), ("b",)]


def test_nothing_is_proven_by_a_self_test_that_fails_by_itself() -> None:
    out = proof.prove(["a"], lambda _: {"completion": failure("no memory")})
    assert "without it too" in out["a"]


def test_components_cannot_be_told_apart_when_the_import_applies_all() -> None:
    decided = proof.settle("on", {"SLIPWAY_PATCH_FAST_LITELLM": "off"}, trial_of())
    assert exit_code(decided.findings) is ExitCode.CONFIG
    assert "SLIPWAY_PATCH_FAST_LITELLM" in decided.findings[0].what


def test_the_log_line_has_the_words_of_the_guide() -> None:
    assert acceleration.line(["router"], {}) == "fast_litellm: active components = ['router']"
    assert acceleration.line(["router"], {"router": "canary:10"}).endswith("['router'] (router canary:10)")
    assert proof.settle("canary:0", {}).announcement == "fast_litellm: active components = []"
    assert proof.settle("auto", {}).announcement is None
