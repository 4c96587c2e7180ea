"""Worker startup hooks, located without running them.

LiteLLM imports ``module.path:function`` in every worker (proxy_server.py, proxy_startup_event). A module that does not
exist would end each worker after seconds of import, so it is looked for here; the module's code does not run, nor does
that of its parent packages.
"""

from __future__ import annotations

import ast
import os
import sys
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from typing import Final

from slipway.report import ExitCode, Finding
from slipway.secrets import is_secret

VARIABLE: Final = "LITELLM_WORKER_STARTUP_HOOKS"
DIRECTORY: Final = "/etc/slipway/hooks"


def check(value: str) -> list[Finding]:
    """Check each hook of ``value``, a comma list of ``module.path:function``."""
    return [finding for hook in value.split(",") if hook.strip() for finding in _check_one(hook.strip())]


def _check_one(hook: str) -> list[Finding]:
    module, _, function = hook.rpartition(":")
    # What is not written like names is no hook, may be anything, and is not shown.
    if not all(part.replace("-", "_").isidentifier() for part in (*module.split("."), function)):
        return [
            Finding(
                "hook-format",
                "error",
                f"{VARIABLE} holds an entry that is not module.path:function.",
                "Write each hook as module.path:function, with commas between them.",
                ExitCode.HOOK,
                "LiteLLM would stop at it.",
            )
        ]
    shown = _shown(module)
    spec = _locate(module)
    if spec is None:
        return [
            Finding(
                "hook-module-missing",
                "error",
                f"The module{shown} of {VARIABLE} is not found.",
                f"Mount it in {DIRECTORY}, or install its package under /etc/slipway/site with the builder image.",
                ExitCode.HOOK,
                "Every worker would fail at its start.",
            )
        ]
    if spec.origin is None or not spec.origin.endswith(".py") or _may_define(Path(spec.origin), function):
        return []
    return [
        Finding(
            "hook-function-missing",
            "warning",
            f"The module{shown} of {VARIABLE} does not seem to define the function{_shown(function)}.",
            "Check its spelling.",
            why="Every worker fails at its start, unless importing the module defines it.",
        )
    ]


def _shown(name: str) -> str:
    """Return ``name`` after a blank, nothing where it came from a file: what a file holds is secret."""
    return "" if is_secret(VARIABLE) else f" {name}"


def _locate(module: str) -> ModuleSpec | None:
    """Find a dotted module by its files alone, as the import system would, without running a parent package."""
    path: list[str] | None = [*sys.path, os.getcwd()]
    spec: ModuleSpec | None = None
    name = ""
    for part in module.split("."):
        if path is None:
            return None
        name = f"{name}.{part}" if name else part
        spec = PathFinder.find_spec(name, path)
        if spec is None:
            return None
        locations = spec.submodule_search_locations
        path = None if locations is None else list(locations)
    return spec


def _may_define(source: Path, function: str) -> bool:
    """Tell whether the top level of ``source`` may bind ``function``; True when that cannot be known."""
    try:
        tree = ast.parse(source.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return True
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                if name == function:
                    return True
            case ast.Name(id=name, ctx=ast.Store()):
                if name == function:
                    return True
            case ast.alias():
                if (node.asname or node.name.split(".")[0]) == function or node.name == "*":
                    return True
    # A module-level __getattr__ or globals() may make any name.
    text = ast.dump(tree)
    return "__getattr__" in text or "'globals'" in text
