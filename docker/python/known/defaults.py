"""Addresses that stand in the source of guardrails and callbacks: variables, and the default where none is set."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from known.source import Module, last_name, text

_READING: Final = frozenset({"get", "getenv", "get_secret", "get_secret_str"})
_ADDRESS: Final = re.compile(r"[A-Z][A-Z0-9_]*_(?:API_BASE|BASE_URL|API_URL|ENDPOINT|HOST|URL)\Z")
# The gateway's own address, and pictures in mails.
_OTHERS: Final = ("PROXY_BASE_URL", "EMAIL_LOGO_URL", "DATABASE_URL", "LITELLM_EXTERNAL_URL")
_GUARDRAIL: Final = re.compile(r"litellm/proxy/guardrails/guardrail_hooks/([a-z0-9_]+?)(?:\.py|/.*)\Z")
_CALLBACK: Final = re.compile(r"litellm/integrations/([a-z0-9_]+?)(?:\.py|/.*)\Z")


class Defaults:
    """Collects addresses by the name of the guardrail or callback whose file they stand in."""

    def __init__(self) -> None:
        self.guardrails: dict[str, dict[str, list[str]]] = {}
        self.callbacks: dict[str, dict[str, list[str]]] = {}

    def see(self, module: Module) -> None:
        """Take in one module."""
        for pattern, found in ((_GUARDRAIL, self.guardrails), (_CALLBACK, self.callbacks)):
            match = pattern.match(module.path)
            if match is None:
                continue
            constants = dict(_constants(module.tree))
            for names, url in _chains(module, constants):
                entry = found.setdefault(match[1], {"hosts": [], "variables": []})
                entry["variables"] += [name for name in names if name not in entry["variables"]]
                if url and url not in entry["hosts"]:
                    entry["hosts"].append(url)


def _constants(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign | ast.AnnAssign) and (value := text(node.value)) and (host := _host(value)):
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            yield last_name(target), host


def _chains(module: Module, constants: dict[str, str]) -> Iterator[tuple[list[str], str]]:
    """Yield (variables, default) of ``getenv("A") or getenv("B", "https://…")`` and the like."""
    for node in module.nodes:
        parts = node.values if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or) else [node]
        names: list[str] = []
        default = ""
        for part in parts:
            name, given = _reading(part)
            if name:
                names.append(name)
            for candidate in (given, part):
                if candidate is not None and not default:
                    default = _host(text(candidate) or "") or constants.get(last_name(candidate), "")
        if names:
            yield names, default


def _reading(node: ast.AST) -> tuple[str, ast.AST | None]:
    if not isinstance(node, ast.Call) or last_name(node.func) not in _READING or not node.args:
        return "", None
    name = text(node.args[0]) or ""
    given = node.args[1] if len(node.args) > 1 else None
    return (name, given) if _ADDRESS.match(name) and name not in _OTHERS else ("", None)


def _host(value: str) -> str:
    """Return ``host:port`` of a URL without parts that are completed later; "" for anything else."""
    if not re.match(r"https?://[A-Za-z0-9.-]+(?::\d+)?(?:/|\Z)", value):
        return ""
    parts = urlsplit(value)
    return f"{parts.hostname}:{parts.port or (443 if parts.scheme == 'https' else 80)}"
