"""The names of environment variables that the installed packages know.

LiteLLM reads variables in a hundred ways: os.environ and os.getenv, its own get_secret and get_secret_str, click's
options, pydantic's settings, tables of names that are looped over, functions that are given a name. Following each of
them is hopeless, and not needed: nearly every way has the whole name as a string somewhere. So each string that is
written like a variable's name counts, wherever it stands; docstrings and messages hold more than a name and do not.
A constant that is no variable is harmless: it only keeps a warning from being given.
"""

from __future__ import annotations

import ast
import re
from typing import Final

from known.source import Module, last_name, text

_NAME: Final = re.compile(r"[A-Z][A-Z0-9]*(?:_+[A-Z0-9]+)+\Z")
# Two words at least, or `LITELLM_` in a list would make every name known.
_BEGINNING: Final = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+_\Z")
_SETTINGS: Final = "BaseSettings"


class Variables:
    """Collects names, module by module."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        # Names are made of these and something else.
        self._beginnings: set[str] = set()
        # Constants by their name, and pydantic's settings: (prefix or the name of its constant, fields).
        self._constants: dict[str, str] = {}
        self._settings: list[tuple[str, list[str]]] = []

    def see(self, module: Module) -> None:
        """Take in one module."""
        for node in module.nodes:
            value = text(node)
            if value is not None and _NAME.match(value):
                self.names.add(value)
            elif value is not None and _BEGINNING.match(value):
                self._beginnings.add(value)
            elif isinstance(node, ast.keyword) and node.arg == "envvar" and (name := text(node.value)):
                # Of click: HOST, PORT and DEBUG have no underscore.
                self.names.add(name)
            elif isinstance(node, ast.ClassDef) and any(last_name(base) == _SETTINGS for base in node.bases):
                self._settings.append((_prefix(node), _fields(node)))
        for statement in module.tree.body:
            if isinstance(statement, ast.Assign | ast.AnnAssign) and (value := text(statement.value)):
                target = statement.targets[0] if isinstance(statement, ast.Assign) else statement.target
                self._constants[last_name(target)] = value

    def finish(self) -> tuple[list[str], list[str]]:
        """Return the names and the beginnings of names that are completed while LiteLLM runs, both sorted."""
        prefixes = set()
        for prefix, fields in self._settings:
            prefix = self._constants.get(prefix, prefix)
            prefixes.add(prefix)
            self.names |= {f"{prefix}{field}".upper() for field in fields}
        return sorted(self.names), sorted(self._beginnings - prefixes)


def _prefix(settings: ast.ClassDef) -> str:
    """Return ``env_prefix`` of a class of settings, or the name of the constant that holds it."""
    for node in ast.walk(settings):
        if isinstance(node, ast.keyword) and node.arg == "env_prefix":
            return text(node.value) or last_name(node.value)
    return ""


def _fields(settings: ast.ClassDef) -> list[str]:
    return [
        statement.target.id
        for statement in settings.body
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name)
    ]
