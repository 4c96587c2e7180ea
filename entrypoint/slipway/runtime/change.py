"""A change to installed code made in the process that serves: it has a reason, a switch and a guard."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import CodeType, FunctionType
from typing import Final

# Python's CO_HAS_DOCSTRING: the first constant is the function's text.
_HAS_DOCSTRING: Final = 0x4000000


class Unfit(Exception):
    """The installed code is not what a change was written for; the message says what differs."""


@dataclass(frozen=True, slots=True)
class Change:
    """What changes and why. ``switch`` is the variable that, set to off, leaves it out."""

    name: str
    why: str
    switch: str

    def wanted(self, environment: Mapping[str, str]) -> bool:
        """Whether the environment leaves it in."""
        return environment.get(self.switch, "").strip().lower() != "off"

    def state(self, environment: Mapping[str, str]) -> str:
        """Return ``applied`` or ``off``."""
        return "applied" if self.wanted(environment) else "off"


def fingerprint(function: object) -> str:
    """Return twelve digits that change when the function's instructions, names or constants change.

    Raises Unfit when it is no function of Python.
    """
    code = getattr(function, "__code__", None)
    if not isinstance(function, FunctionType) or not isinstance(code, CodeType):
        raise Unfit(f"{function!r} is not a function")
    # Loads OpenSSL, which `explain` can do without.
    import hashlib

    return hashlib.sha256(repr(_described(code)).encode()).hexdigest()[:12]


def _described(value: object) -> object:
    """Code by what it does, its text left out, and sets in an order of their own."""
    if isinstance(value, CodeType):
        constants = value.co_consts[1:] if value.co_flags & _HAS_DOCSTRING else value.co_consts
        return value.co_code, value.co_names, value.co_varnames, tuple(map(_described, constants))
    if isinstance(value, frozenset):
        return sorted(map(repr, value))
    return tuple(map(_described, value)) if isinstance(value, tuple) else value


def expect(function: object, known: str) -> None:
    """Raise Unfit unless the function is the one with the fingerprint ``known``."""
    found = fingerprint(function)
    if found != known:
        name = f"{getattr(function, '__module__', '?')}.{getattr(function, '__qualname__', '?')}"
        raise Unfit(f"{name} has changed (fingerprint {found}, known {known})")
