"""Strings inside a column's text, which may be JSON with JSON in its strings; replaced without touching anything else.

Text is not parsed and written again: numbers that Python cannot hold, the order of keys and blanks stay as they are.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Final

# Is given a string and how deep it stands (0: the column itself, 1: a value of its object); None leaves it.
Visit = Callable[[str, int], str | None]
_TOKEN: Final = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[][{}]')
_COLON: Final = re.compile(r"\s*:")


def replace(text: str, visit: Visit, depth: int = 0) -> str:
    """Return ``text`` with the answers of ``visit`` in place of the strings it was asked about; keys are not asked."""
    if not _is_json(text):
        return _answer(visit(text, depth), text)
    parts: list[str] = []
    done = 0
    for token in _TOKEN.finditer(text):
        found = token[0]
        if found in "[{":
            depth += 1
        elif found in "]}":
            depth -= 1
        elif not _COLON.match(text, token.end()):
            value = json.loads(found, strict=False)
            changed = replace(value, visit, depth)
            if changed != value:
                parts += text[done : token.start()], _quoted(changed)
                done = token.end()
    return "".join([*parts, text[done:]])


def _answer(changed: str | None, text: str) -> str:
    return text if changed is None else changed


def _is_json(text: str) -> bool:
    if text.lstrip()[:1] not in ("{", "[", '"'):
        return False
    try:
        # Python refuses to read integers of some length.
        json.loads(text, strict=False, parse_int=str)
    except (ValueError, RecursionError):
        return False
    return True


def _quoted(value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        # Half a character, which only an escape can write.
        return json.dumps(value)
    return json.dumps(value, ensure_ascii=False)
