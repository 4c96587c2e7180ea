"""Keys of the config file that LiteLLM does not read, or not there, or not any more.

Where LiteLLM ignores what it does not know, each unknown key is told; where it hands keys on, to a provider or to
Redis, only one that is nearly a known one (docs/decisions/0016-known-names.md).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from slipway import config_tree
from slipway.checks.deprecated import DEPRECATED, GONE
from slipway.config_tree import Document, Entry
from slipway.known import Known, nearest, presentable
from slipway.report import Finding

# Where a key may have been meant to stand, by where it stands.
_SECTIONS: Final = ("general_settings", "litellm_settings", "router_settings")
_ELSEWHERE: Final = {
    **dict.fromkeys(("", *_SECTIONS), (*_SECTIONS, "")),
    "model_list[]": ("model_list[].litellm_params", "model_list[].model_info"),
}
# A key that is handed on may be like a known one by chance.
_NEARLY_THE_SAME: Final = 0.87
# With these LiteLLM does not start: load_config raises for the first two, its JWT settings for any unknown key.
_FATAL_PLACES: Final = frozenset({"router_settings.health_check_interval", "router_settings.health_check_concurrency"})
_FATAL_SECTIONS: Final = frozenset({"general_settings.litellm_jwtauth"})
_CONSEQUENCES: Final = {
    "general_settings.litellm_jwtauth": "LiteLLM does not start with it.",
    # Handed to redis.Redis(...), which takes nothing else; other caches ignore it.
    "litellm_settings.cache_params": "LiteLLM does not start with it where the cache is Redis.",
}
# Where people keep anchors, as in Compose files.
_OWN: Final = ("x-", "_", ".")


def check(documents: Sequence[Document], known: Known) -> list[Finding]:
    """Return a finding for each key that has no effect where it stands."""
    return [
        *(finding for document in documents for finding in _of_document(document, known)),
        *_replaced(documents),
    ]


def _of_document(document: Document, known: Known) -> Iterator[Finding]:
    for key, first, again in config_tree.twice(document):
        yield _twice(key, first, again)
    entries = document.entries
    used = config_tree.nodes_below(*(entry.value for entry in entries if not entry.section and _is_known(entry, known)))
    for entry in entries:
        if entry.key is None:
            continue
        if fix := DEPRECATED.get(entry.place):
            yield _deprecated(entry, fix)
        elif fix := GONE.get(entry.place):
            yield _gone(entry, fix)
        elif not _is_known(entry, known) and not _holds_anchors(entry, used):
            yield from _unknown(entry, entry.key, known)


def _is_known(entry: Entry, known: Known) -> bool:
    keys = known.sections.get(entry.section)
    return keys is None or entry.key in keys


def _holds_anchors(entry: Entry, used: set[int]) -> bool:
    """Whether a key of the file's own holds what others refer to."""
    if entry.section:
        return False
    return (entry.key or "").startswith(_OWN) or not used.isdisjoint(config_tree.nodes_below(entry.value))


def _unknown(entry: Entry, key: str, known: Known) -> Iterator[Finding]:
    keys = known.sections[entry.section]
    others = [section for section in _ELSEWHERE.get(entry.section, ()) if key in known.sections.get(section, ())]
    if others and entry.section not in others:
        yield _misplaced(entry, others)
        return
    closed = entry.section in known.closed
    if closed and key in known.mentioned.get(entry.section, ()):
        return
    near = nearest(key, keys, *(() if closed else (_NEARLY_THE_SAME,)))
    if near is None and not closed:
        return
    yield Finding(
        "config-key-unknown",
        "error" if entry.section in _FATAL_SECTIONS else "warning",
        f"{entry.at}: {entry.shown} is no key that LiteLLM knows"
        + ("." if presentable(key) else ", and is not shown, as it is not written like one."),
        f"Did you mean {near}?" if near else _how_to_go_on(entry),
        why=_CONSEQUENCES.get(entry.section)
        or ("LiteLLM ignores it without a word." if closed else "LiteLLM hands it on under the name that is written."),
    )


def _how_to_go_on(entry: Entry) -> str:
    own = " or let its name begin with x- if it only holds anchors," if not entry.section else ""
    return f"Remove it,{own} or look it up in LiteLLM's reference of all settings."


def _misplaced(entry: Entry, others: list[str]) -> Finding:
    fatal = entry.place in _FATAL_PLACES
    places = [place.rpartition("[].")[2] if place else "the top of the file" for place in others]
    return Finding(
        "config-key-misplaced",
        "error" if fatal else "warning",
        f"{entry.at}: {entry.shown} is read from {' or '.join(places[:2])}, not from here.",
        f"Move it to {places[0]}.",
        why="LiteLLM does not start with it here." if fatal else "LiteLLM ignores it here without a word.",
    )


def _deprecated(entry: Entry, fix: str) -> Finding:
    return Finding("config-key-deprecated", "warning", f"{entry.at}: {entry.shown} is deprecated.", fix)


def _gone(entry: Entry, fix: str) -> Finding:
    what = f"{entry.at}: {entry.shown} has no effect: LiteLLM does not read it any more."
    return Finding("config-key-gone", "warning", what, fix)


def _twice(key: str, first: str, again: str) -> Finding:
    name = key if presentable(key) else "a key"
    return Finding(
        "config-key-twice",
        "warning",
        f"{again}: {name} stands here a second time; what stands at {first} has no effect.",
        "Make one of the two.",
        why="YAML's last one of a name wins.",
    )


def _replaced(documents: Sequence[Document]) -> Iterator[Finding]:
    """Tell of sections that an included file takes the place of: LiteLLM joins lists only."""
    first: dict[str, tuple[str, Entry]] = {}
    for document in documents:
        for entry in document.entries:
            if entry.section or entry.key is None or entry.key == "include":
                continue
            file, earlier = first.get(entry.key, (document.path, entry))
            if file != document.path and {config_tree.kind(earlier.value), config_tree.kind(entry.value)} != {"a"}:
                yield Finding(
                    "config-include-replaces",
                    "warning",
                    f"{entry.at}: {entry.shown} of an included file takes the place of the whole one at {earlier.at}.",
                    "Keep each section that is no list in one file.",
                    why="LiteLLM joins lists of included files, and replaces everything else.",
                )
            first[entry.key] = (document.path, entry)
