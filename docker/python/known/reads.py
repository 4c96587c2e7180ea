"""The keys that LiteLLM's own code reads from its config by name, where no class of pydantic's lists them."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from known.source import Module, key_read, last_name, text

GENERAL: Final = "general_settings"
LITELLM: Final = "litellm_settings"
PARAMETERS: Final = "model_list[].litellm_params"
# The variables that hold a section, or a part of one, wherever they stand, and the place of that part.
_VARIABLES: Final = {
    GENERAL: GENERAL,
    "proxy_general_settings": GENERAL,
    "resolved_general_settings": GENERAL,
    LITELLM: LITELLM,
    "settings": GENERAL,
    "deployment": "model_list[]",
    "_deployment": "model_list[]",
    "model_info": "model_list[].model_info",
    "_model_info": "model_list[].model_info",
    "litellm_params": PARAMETERS,
    "_litellm_params": PARAMETERS,
    "optional_params": PARAMETERS,
    "kwargs": PARAMETERS,
    "server_config": "mcp_servers.*",
    "cache_params": "litellm_settings.cache_params",
    "redis_kwargs": "litellm_settings.cache_params",
}
# Those with a name for many things hold a part of the config in these files only.
_ONLY_IN: Final = {
    "server_config": "mcp_server/mcp_server_manager.py",
    "deployment": "litellm/router",
    "settings": "common_utils/http_parsing_utils.py",
}
# How the file's own sections are held, in the class that loads it and in functions that ask it.
_CONFIG: Final = frozenset({"config", "_config", "config_data", "config_state"})
_LOADER: Final = "ProxyConfig"
_ASKING: Final = frozenset({"get_config", "get_config_state"})
_KEY: Final = re.compile(r"[a-z_][a-zA-Z0-9_]*\Z")
_CALLBACK_FILES: Final = ("litellm_core_utils/litellm_logging.py", "proxy/common_utils/callback_utils.py")
_CALLBACK: Final = frozenset({"callback", "logging_integration", "_callback"})


class Reads:
    """Collects keys by the place that they are read from, module by module."""

    def __init__(self) -> None:
        self.keys: defaultdict[str, set[str]] = defaultdict(set)
        self.callbacks: set[str] = set()
        # What stands near general_settings, whose keys are passed about as strings: unknown for certain is neither.
        self.mentioned: set[str] = set()
        # Attributes of the module litellm that somebody reads.
        self.attributes: set[str] = set()
        self._fields: defaultdict[str, set[str]] = defaultdict(set)
        self._models: set[str] = set()

    def see(self, module: Module) -> None:
        """Take in one module of LiteLLM."""
        near = any(last_name(node) == GENERAL for node in module.nodes)
        for node in module.nodes:
            self._see_reading(module, node)
            if near and (value := text(node)) and "_" in value and _KEY.match(value):
                self.mentioned.add(value)
            if isinstance(node, ast.Attribute) and last_name(node.value) == "litellm":
                self.attributes.add(node.attr)
            elif isinstance(node, ast.ClassDef):
                self._fields[node.name] |= set(_annotated(node))
                if "/llms/" in module.path and node.name.endswith("Config"):
                    # A provider's own parameters, as attributes of the class that maps them.
                    self.keys[PARAMETERS] |= set(_annotated(node))
            elif isinstance(node, ast.Call):
                self._see_call(node)
            if isinstance(node, ast.Compare) and module.path.endswith(_CALLBACK_FILES):
                self._see_callback(node)
            if isinstance(node, ast.ClassDef) and node.name == _LOADER:
                self.keys[LITELLM] |= set(_handled(node))
        if "/proxy/" in module.path:
            self.keys[""] |= set(_sections(module))

    def finish(self) -> None:
        """Add the fields of models that general_settings is validated with."""
        for name in self._models:
            self.keys[GENERAL] |= self._fields[name]
        self.attributes -= {name for name in self.attributes if name.startswith("_")}

    def _see_reading(self, module: Module, node: ast.AST) -> None:
        read = key_read(node)
        if read is None:
            return
        mapping, key = read
        if isinstance(mapping, ast.BoolOp):
            mapping = mapping.values[0]
        place, name = _VARIABLES.get(last_name(mapping)), text(key)
        if place and name and _KEY.match(name) and _ONLY_IN.get(last_name(mapping), "") in module.path:
            self.keys[place].add(name)

    def _see_call(self, call: ast.Call) -> None:
        """Notice ``getattr(litellm, "x")`` and ``Model.model_validate(general_settings)``."""
        function = last_name(call.func)
        if (
            function in ("getattr", "hasattr", "setattr")
            and len(call.args) > 1
            and last_name(call.args[0]) == "litellm"
        ):
            self.attributes.add(text(call.args[1]) or "")
        named = any(last_name(node) == GENERAL for argument in call.args for node in ast.walk(argument))
        if function == "model_validate" and named and isinstance(call.func, ast.Attribute):
            self._models.add(last_name(call.func.value))

    def _see_callback(self, comparison: ast.Compare) -> None:
        if last_name(comparison.left) not in _CALLBACK:
            return
        for node in comparison.comparators:
            self.callbacks |= {value for part in ast.walk(node) if (value := text(part)) and _KEY.match(value)}


def _sections(module: Module) -> Iterator[str]:
    """Yield the keys that the code which loads the config file, or asks for it, reads from the whole of it."""
    for node in module.nodes:
        loads = isinstance(node, ast.ClassDef) and node.name == _LOADER
        if not (loads or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)):
            continue
        inner = tuple(ast.walk(node))
        if not loads and not any(isinstance(part, ast.Call) and last_name(part.func) in _ASKING for part in inner):
            continue
        for part in inner:
            read = key_read(part)
            if read and last_name(read[0]) in _CONFIG and (name := text(read[1])):
                yield name


def _handled(loader: ast.ClassDef) -> Iterator[str]:
    """Yield the keys of litellm_settings that the loader treats one by one: ``if key == "x"``."""
    for node in ast.walk(loader):
        if isinstance(node, ast.Compare) and isinstance(node.left, ast.Name) and node.left.id == "key":
            values = (text(part) for comparator in node.comparators for part in ast.walk(comparator))
            yield from (value for value in values if value and _KEY.match(value))


def _annotated(scope: ast.ClassDef) -> Iterator[str]:
    for statement in scope.body:
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            yield statement.target.id


def assigned(tree: ast.Module) -> set[str]:
    """Return the public names that a module assigns at its top, in conditions and tries too."""
    found = set()
    pending: list[ast.AST] = [tree]
    while pending:
        for statement in ast.iter_child_nodes(pending.pop()):
            if isinstance(statement, ast.If | ast.Try | ast.ExceptHandler):
                pending.append(statement)
            elif isinstance(statement, ast.Assign | ast.AnnAssign):
                targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
                found |= {target.id for target in targets if isinstance(target, ast.Name)}
    return {name for name in found if _KEY.match(name) and not name.startswith("_")}
