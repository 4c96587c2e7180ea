"""What the installed LiteLLM knows: its variables and the keys of its config, as docker/python/known found them.

The file is read by whoever asks first, in some milliseconds. Where there is none, as outside the image, nothing is
known, and nothing is judged by it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

FILE: Final = "/opt/slipway/known.json"
# Below this share of equal letters, two names are different things.
_ALIKE: Final = 0.8
_LONGEST: Final = 80
# A word of a name: letters, and a few digits among them. What a key generator makes has more.
_WORD: Final = re.compile(r"(?:[A-Za-z]{0,40}\d{0,4}[A-Za-z]{0,6}|s3[A-Za-z]{0,24}|[a-z]{1,4}-[a-z]{1,8})\Z")


@dataclass(frozen=True, slots=True)
class Known:
    """Names of the installed LiteLLM.

    ``sections`` maps the place of a mapping, such as ``model_list[].litellm_params``, to its keys and the letters of
    what may stand there (boolean, integer, number, string, array, object; none: anything). In the ``closed`` ones
    LiteLLM ignores any other key; elsewhere it hands it on. ``mentioned`` are words that stand near a section in the
    source, so that nobody can say for certain that nothing reads them. ``choices`` are the words that a value is
    limited to. ``beginnings`` are of variables whose names are completed while LiteLLM runs.
    """

    variables: frozenset[str] = frozenset()
    beginnings: tuple[str, ...] = ()
    packages: frozenset[str] = frozenset()
    sections: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    closed: frozenset[str] = frozenset()
    mentioned: Mapping[str, frozenset[str]] = field(default_factory=dict)
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    callbacks: frozenset[str] = frozenset()

    @property
    def named(self) -> frozenset[str]:
        """Places of mappings whose keys are names of the user's."""
        return frozenset(place.removesuffix(".*") for place in self.sections if place.endswith(".*"))


@cache
def load(path: str = FILE) -> Known | None:
    """Return what LiteLLM knows; None where the file is missing, or is not ours."""
    try:
        with open(path, encoding="utf-8") as file:
            return parse(json.load(file))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def parse(data: Any) -> Known:
    """Return the names in the content of the file. Raises KeyError, TypeError or AttributeError for another file."""
    return Known(
        variables=frozenset(data["variables"]),
        beginnings=tuple(data["beginnings"]),
        packages=frozenset(data["packages"]),
        sections=data["sections"],
        closed=frozenset(data["closed"]),
        mentioned={name: frozenset(words) for name, words in data["mentioned"].items()},
        choices={name: tuple(words) for name, words in data["choices"].items()},
        callbacks=frozenset(data["callbacks"]),
    )


def nearest(name: str, names: Iterable[str], alike: float = _ALIKE) -> str | None:
    """Return the name that ``name`` is most like, None when it is like none of them."""
    # Imported here: a start without an unknown name need not pay for it.
    from difflib import get_close_matches

    if len(name) > _LONGEST:
        return None
    folded = {candidate.replace("-", "_").lower(): candidate for candidate in sorted(names)}
    # The same words in another dress: apiBase, api-base, API_BASE.
    dressed = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).replace("-", "_").lower()
    found = get_close_matches(dressed, folded, 1, alike)
    return folded[found[0]] if found else None


def presentable(name: str) -> bool:
    """Tell whether a name from the user may be shown: it is written like one, and not like a pasted secret."""
    if not 0 < len(name) <= _LONGEST or name[0].isdecimal():
        return False
    return all(_WORD.match(word) for word in name.split("_"))
