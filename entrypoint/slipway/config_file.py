"""LiteLLM's config file, read far enough to refuse what LiteLLM would ignore in silence or fail on later.

LiteLLM ignores a path that does not exist or ends in anything but .yaml or .yml when it comes from CONFIG_FILE_PATH
(proxy_server.py, proxy_startup_event); here each is an error.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from slipway.report import ExitCode, Refusal, refuse

DEFAULT_PATH: Final = "/etc/slipway/config.yaml"
REFERENCE: Final = "os.environ/"
_LARGEST: Final = 8_000_000
_SECTIONS: Final = {
    "model_list": list,
    "general_settings": dict,
    "litellm_settings": dict,
    "router_settings": dict,
    "environment_variables": dict,
}


def read(path: str, source: str) -> Mapping[str, object]:
    """Parse the config file at ``path``; ``source`` says who named it.

    Raises Refusal (65) when it is missing, a directory, unreadable, of another extension, not YAML or not a mapping.
    """
    if not os.path.exists(path):
        raise _error(
            "config-missing", f"The config file named by {source} does not exist.", f"Mount it, or correct {source}."
        )
    if os.path.isdir(path):
        raise _error(
            "config-directory",
            f"The config file named by {source} is a directory, as Docker makes one for a file that does not exist.",
            "Create the file on the host before you mount it.",
        )
    if not os.path.isfile(path):
        raise _error(
            "config-unreadable", f"The config file named by {source} is not a regular file.", f"Correct {source}."
        )
    if Path(path).suffix not in (".yaml", ".yml"):
        raise _error(
            "config-extension",
            f"The config file named by {source} does not end in .yaml or .yml.",
            "Rename it.",
            "LiteLLM ignores it then.",
        )
    if os.path.getsize(path) > _LARGEST:
        raise _error("config-size", f"The config file named by {source} is larger than 8 MB.", "Is it the right file?")
    try:
        text = Path(path).read_text(encoding="utf-8")
    except PermissionError:
        raise _error(
            "config-unreadable",
            f"The config file named by {source} cannot be read by uid {os.getuid()} (gid {os.getgid()}).",
            "Make it readable: chmod a+r, or a group of 0.",
        ) from None
    except (OSError, UnicodeDecodeError) as problem:
        raise _error(
            "config-unreadable",
            f"The config file named by {source} cannot be read ({type(problem).__name__}).",
            "Save it as UTF-8 text on a disk that works.",
        ) from None
    return parse(text, source)


def references(config: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """Yield (place, variable) for each ``os.environ/NAME`` in the config, such as ("model_list[0].api_key", "NAME")."""
    yield from _walk(config, "", set())


def included(config: Mapping[str, object], path: str) -> list[str]:
    """Return the files that the config at ``path`` includes, and those that they include, by their absolute paths.

    A relative one is found beside the file that names it, or else beside the config (LiteLLM's config_includes.py).
    """
    found: dict[str, None] = {}
    pending = [(path, config)]
    while pending:
        place, content = pending.pop(0)
        named = content.get("include")
        for name in named if isinstance(named, list) else []:
            if isinstance(name, str) and (file := place_of(name, place, path)) not in found:
                found[file] = None
                pending.append((file, _mapping(file)))
    return list(found)


def place_of(name: str, near: str, path: str) -> str:
    """Return the file that ``name`` means in the file ``near`` of the config at ``path``."""
    choices = [os.path.abspath(os.path.join(os.path.dirname(file), name)) for file in (near, path)]
    return next(filter(os.path.exists, choices), choices[0])


def merged(config: Mapping[str, object], path: str) -> Mapping[str, object]:
    """Return the config with what it includes, as LiteLLM joins them: lists grow, anything else is replaced."""
    result = {key: value for key, value in config.items() if key != "include"}
    for file in included(config, path):
        for key, value in _mapping(file).items():
            earlier = result.get(key)
            if key != "include":
                result[key] = [*earlier, *value] if isinstance(earlier, list) and isinstance(value, list) else value
    return result


def same(one: Mapping[str, object], other: Mapping[str, object]) -> bool:
    """Whether two configs hold the same, one that contains itself by an alias and one with ``.nan`` in it, too."""
    import yaml

    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    return bool(yaml.dump(one, Dumper=dumper) == yaml.dump(other, Dumper=dumper))


def section(config: Mapping[str, object], name: str) -> Mapping[str, object]:
    """Return a section of the config, empty when it is absent."""
    content = config.get(name)
    return content if isinstance(content, Mapping) else {}


def parse(text: str, source: str) -> Mapping[str, object]:
    """Parse the text of a config file; ``source`` says who named it. Raises Refusal (65)."""
    # Imported here: commands that read no config file need not pay for it.
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        content: object = yaml.load(text, Loader=loader)
    except yaml.MarkedYAMLError as problem:
        mark = problem.problem_mark
        place = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        # Words in quotes may come from the file, which holds secrets.
        said = problem.problem or "'"
        why = said if "'" not in said else "unexpected text"
        raise _error(
            "config-yaml", f"The config file named by {source} is not valid YAML{place}: {why}.", "Correct that line."
        ) from None
    except (yaml.YAMLError, ValueError, OverflowError):
        # A date or a number that is none raises Python's own errors.
        raise _error(
            "config-yaml", f"The config file named by {source} holds an invalid value.", "Correct it."
        ) from None
    except RecursionError:
        raise _error("config-yaml", f"The config file named by {source} is nested too deeply.", "Flatten it.") from None
    if content is None or content == {}:
        raise _error(
            "config-empty",
            f"The config file named by {source} holds nothing.",
            "Add a section such as model_list:, or name no config file.",
            "LiteLLM does not start with such a file.",
        )
    if not isinstance(content, dict):
        raise _error(
            "config-shape",
            f"The config file named by {source} is not a mapping of sections.",
            "Begin it with a section such as model_list:.",
        )
    for name, kind in _SECTIONS.items():
        if content.get(name) is not None and not isinstance(content[name], kind):
            wanted = "a list" if kind is list else "a mapping"
            raise _error(
                "config-shape", f"{name} in the config file named by {source} is not {wanted}.", f"Correct {name}."
            )
    _check_models(content.get("model_list") or [])
    return content


def _mapping(path: str) -> Mapping[str, object]:
    """What an included file holds; nothing when LiteLLM could not read it either, and says so."""
    try:
        return read(path, path)
    except Refusal:
        return {}


def _check_models(models: list[object]) -> None:
    """Refuse a model that LiteLLM's worker would fail on with a traceback."""
    for index, model in enumerate(models):
        if not isinstance(model, Mapping) or not isinstance(model.get("litellm_params"), Mapping):
            raise _error(
                "config-shape",
                f"model_list[{index}] in the config file has no litellm_params, or they are not indented below it.",
                "Give each model a model_name and, indented, litellm_params with a model.",
            )


def _walk(node: object, place: str, seen: set[int]) -> Iterator[tuple[str, str]]:
    if isinstance(node, Mapping | list):
        # An alias may repeat a node any number of times, itself included.
        if id(node) in seen:
            return
        seen.add(id(node))
    if isinstance(node, Mapping):
        for key, value in node.items():
            yield from _walk(value, f"{place}.{key}" if place else str(key), seen)
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _walk(value, f"{place}[{index}]", seen)
    elif isinstance(node, str) and node.startswith(REFERENCE):
        yield place, node.removeprefix(REFERENCE)


def _error(id: str, what: str, fix: str, why: str = "") -> Refusal:
    return refuse(id, ExitCode.CONFIG, what, fix, why)
