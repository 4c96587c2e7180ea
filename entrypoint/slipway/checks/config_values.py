"""Values of the config file that LiteLLM cannot use as they are written: their type, or a word out of a fixed list.

A value is never shown. A warning says that a setting has another effect than it seems to have; an error, that LiteLLM
does not start.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from slipway import config_tree
from slipway.config_file import REFERENCE
from slipway.config_tree import Document, Entry
from slipway.known import Known, nearest
from slipway.report import Finding

_WORDS: Final = {
    "b": "true or false",
    "i": "a whole number",
    "n": "a number",
    "s": "text",
    "a": "a list",
    "o": "a mapping",
}
# LiteLLM takes these values as YAML reads them; elsewhere pydantic makes a number of a text that holds one.
_UNCONVERTED: Final = frozenset({"general_settings", "litellm_settings", "router_settings"})
# ... except where its code says float(...) itself.
_CONVERTED: Final = frozenset(
    f"litellm_settings.{name}"
    for name in (
        *("max_budget", "max_internal_user_budget", "default_max_internal_user_budget", "max_ui_session_budget"),
        "drop_params",
    )
)
_SWITCHES: Final = frozenset({"true", "false", "yes", "no", "on", "off", "y", "n", "t", "f", "1", "0"})
CALLBACKS: Final = ("callbacks", "success_callback", "failure_callback")
# With a wrong value in these LiteLLM 1.106 does not start; each was tried.
_FATAL: Final = frozenset(
    {
        "general_settings.master_key",
        "general_settings.key_management_system",
        "guardrails",
        "litellm_settings.callbacks",
        "mcp_servers",
        "router_settings.fallbacks",
        "router_settings.routing_strategy",
    }
)


def check(documents: Sequence[Document], known: Known) -> list[Finding]:
    """Return a finding for each value that has another effect than it seems to have."""
    custom = {
        entry.key or "" for document in documents for entry in document.entries if entry.section == "callback_settings"
    }
    return [
        finding for document in documents for entry in document.entries for finding in _of_entry(entry, known, custom)
    ]


def _of_entry(entry: Entry, known: Known, custom: set[str]) -> Iterator[Finding]:
    if entry.section == "model_list" and entry.key is None:
        yield from _model(entry)
    if entry.key is None:
        if (section := entry.section.rpartition(".")) and section[0] == "litellm_settings" and section[2] in CALLBACKS:
            yield from _callback(entry, known, custom)
        return
    expected = known.sections.get(entry.section, {}).get(entry.key, "")
    if expected and not _fits(entry, expected):
        yield _wrong_type(entry, expected)
    elif entry.place in known.choices and entry.text is not None and not entry.text.startswith(REFERENCE):
        choices = known.choices[entry.place]
        if entry.text not in choices:
            yield _wrong_choice(entry, choices)


def _fits(entry: Entry, expected: str) -> bool:
    letter = config_tree.kind(entry.value)
    if config_tree.is_date(entry.value):
        return False
    if not letter or letter in expected:
        return True
    if letter in "in":
        return "i" in expected or "n" in expected
    if letter != "s" or entry.text is None:
        return False
    # LiteLLM puts the variable's text in its place, or true and false for those words.
    if entry.text.startswith(REFERENCE):
        return True
    if entry.section in _UNCONVERTED and entry.place not in _CONVERTED:
        return False
    return ("b" in expected and entry.text.lower() in _SWITCHES) or (
        ("i" in expected or "n" in expected) and _is_number(entry.text)
    )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _wrong_type(entry: Entry, expected: str) -> Finding:
    letter = config_tree.kind(entry.value)
    wanted = " or ".join(_WORDS[letter] for letter in "bnisao" if letter in expected and not _implied(letter, expected))
    date = config_tree.is_date(entry.value)
    fix = f"Write {wanted}."
    if "s" in expected and letter in "bins":
        fix = "Put it in quotes."
    elif letter == "s" and set(expected) <= set("bin"):
        fix = f"Write {wanted}, without quotes."
    fatal = entry.place in _FATAL
    return Finding(
        "config-type",
        "error" if fatal else "warning",
        f"{entry.at}: {entry.shown} is {'a date' if date else _WORDS[letter]}, and LiteLLM expects {wanted}.",
        fix,
        why="LiteLLM does not start with it." if fatal else _consequence(entry, expected),
    )


def _implied(letter: str, expected: str) -> bool:
    return letter == "i" and "n" in expected


def _consequence(entry: Entry, expected: str) -> str:
    if entry.section == "model_list[].litellm_params":
        return "LiteLLM leaves such a model out, and says so in its log only."
    return "Any text counts as true there, even false." if expected == "b" else ""


def _wrong_choice(entry: Entry, choices: Sequence[str]) -> Finding:
    near = nearest(entry.text or "", choices)
    fatal = entry.place in _FATAL
    return Finding(
        "config-choice",
        "error" if fatal else "warning",
        f"{entry.at}: {entry.shown} has a value that LiteLLM does not know.",
        f"Did you mean {near}?" if near else f"Write one of {', '.join(choices)}.",
        why="LiteLLM does not start with it." if fatal else "",
    )


def _callback(entry: Entry, known: Known, custom: set[str]) -> Iterator[Finding]:
    name = entry.text
    # A path such as my_module.my_object is the user's own.
    if name is None or name in known.callbacks or name in custom or "." in name or name.startswith(REFERENCE):
        return
    near = nearest(name, known.callbacks)
    fatal = entry.section == "litellm_settings.callbacks"
    yield Finding(
        "config-callback",
        "error" if fatal else "warning",
        f"{entry.at}: {entry.shown} names a callback that LiteLLM does not have.",
        f"Did you mean {near}?" if near else "Write the name of one of LiteLLM's, or MODULE.OBJECT for one of yours.",
        why="LiteLLM does not start with it." if fatal else "LiteLLM calls nothing for it, without a word.",
    )


def _model(entry: Entry) -> Iterator[Finding]:
    """Tell of a deployment without its two names: LiteLLM looks them up without asking whether they are there."""
    inner = {inside.key: inside for inside in config_tree.inside(entry)}
    parameters = inner.get("litellm_params")
    has_model = parameters is not None and "model" in {inside.key for inside in config_tree.inside(parameters)}
    for key, present in (("model_name", "model_name" in inner), ("litellm_params.model", has_model)):
        if not present:
            yield Finding(
                "config-model",
                "error",
                f"{entry.at}: {entry.shown} has no {key}.",
                "Give each model a model_name and, in litellm_params, a model such as openai/gpt-4o-mini.",
                why="LiteLLM does not start with it.",
            )
