"""References of the config file to variables: not set, misspelt, or where LiteLLM does not look for any."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from slipway.config_file import REFERENCE
from slipway.config_tree import Document, Entry
from slipway.known import presentable
from slipway.report import Finding

# A secret manager has names with other signs in them.
_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./\-]*\Z")
# How people write a reference that LiteLLM then takes for the value itself.
_MISSPELT: Final = re.compile(
    r"""\s*(?:
        (?:(?:os|OS)\.(?:env|ENV)\w*|environ)\s*(?:[./\\:]|\[)\s*["']?(?P<python>[A-Za-z_]\w*)["']?\s*\]?
        |os\.getenv\(\s*["']?(?P<getenv>\w+)["']?\s*\)
        |(?:env|ENV)[.:/](?P<short>[A-Z][A-Z0-9_]+)
        |\$(?P<shell>[A-Z_][A-Z0-9_]*)|\$\{(?P<braces>[A-Z_][A-Z0-9_]*)\}
        |\{\{\s*(?:\.?env\.)?(?P<template>[A-Z_][A-Z0-9_]*)\s*\}\}
    )\s*\Z""",
    re.VERBOSE,
)
# Elsewhere text is a prompt or a template that may hold such things: MCP servers have ${NAME}, for one.
_PLAIN: Final = (
    *("model_list[].litellm_params", "general_settings", "litellm_settings", "router_settings"),
    *("litellm_settings.cache_params", "general_settings.coordination_redis", "environment_variables"),
)
_LISTS: Final = ("general_settings.", "litellm_settings.", "router_settings.")


def check(documents: Sequence[Document], environment: Mapping[str, str]) -> list[Finding]:
    """Return a finding for each reference that will not be what it was meant to be."""
    return [
        finding
        for document in documents
        for entry in document.entries
        if entry.text is not None
        for finding in _of_text(entry, entry.text, environment)
    ]


def _of_text(entry: Entry, text: str, environment: Mapping[str, str]) -> Iterator[Finding]:
    name = text.removeprefix(REFERENCE)
    if text.startswith(REFERENCE) and _NAME.match(name):
        if entry.key is None and entry.section.startswith(_LISTS):
            yield _in_a_list(entry)
        elif name not in environment:
            yield _unset(entry, name)
    elif text.startswith(REFERENCE) or (entry.section in _PLAIN and _MISSPELT.match(text)):
        yield _misspelt(entry, text)


def _unset(entry: Entry, name: str) -> Finding:
    shown = name if presentable(name) else "a variable whose name is not shown, as it is not written like one"
    return Finding(
        "reference-unset",
        "warning",
        f"{entry.at}: {entry.shown} refers to {shown}, which is not set.",
        f"Set {name if presentable(name) else 'it'}, unless a secret manager or a startup hook supplies it.",
        why="LiteLLM then goes on as if nothing were written there.",
    )


def _misspelt(entry: Entry, text: str) -> Finding:
    found = _MISSPELT.match(text)
    name = next(filter(None, found.groups()), "NAME") if found else "NAME"
    return Finding(
        "reference-misspelt",
        "warning",
        f"{entry.at}: {entry.shown} looks like a reference to a variable, and is none that LiteLLM reads.",
        f"Write {REFERENCE}{name if presentable(name) else 'NAME'}, with nothing around it.",
        why="LiteLLM takes the text itself for the value.",
    )


def _in_a_list(entry: Entry) -> Finding:
    return Finding(
        "reference-in-list",
        "warning",
        f"{entry.at}: {entry.shown} is a reference in a list, where LiteLLM does not resolve any.",
        "Write the value itself, or make the list's items mappings where the setting allows it.",
        why="LiteLLM takes the text itself for the value.",
    )
