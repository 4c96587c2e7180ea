"""LiteLLM reads the configuration in force (workers/configuration.py) where it would read its files.

Source: ProxyConfig in litellm/proxy/proxy_server.py, which reads them at each start and, with a database, every 30 s.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from slipway import log
from slipway.runtime.change import Change, Unfit, expect
from slipway.workers import configuration

CHANGE: Final = Change(
    "config-in-force",
    "reads the config file as it was when it was checked: a worker that takes another's place would start with what is "
    "on disk, checked or not, and workers with a database would drop the models that are gone from it",
    "SLIPWAY_PATCH_CONFIG_IN_FORCE",
)


class _Kept:
    """What this worker started with, and what LiteLLM has written since, in whichever worker."""

    def __init__(self) -> None:
        self._files: Mapping[str, str] = {}
        self._directory: Path | None = None
        self._written_at = 0

    def hold(self, directory: Path) -> None:
        self._written_at = configuration.written_at(directory)
        self._files, self._directory = configuration.in_force(directory), directory

    def text(self, path: str | None) -> str | None:
        if path is None or self._directory is None:
            return None
        # Not later than: clocks go back. And not after a reload, which this worker is replaced for.
        if configuration.written_at(self._directory) not in (0, self._written_at):
            self.hold(self._directory)
        return self._files.get(os.path.abspath(path))

    def written(self, path: str | None) -> None:
        if path is not None and self._directory is not None and os.path.abspath(path) in self._files:
            try:
                configuration.mark_written(self._directory)
            except OSError as problem:
                log.line(f"what LiteLLM wrote into its config file is not in force: {problem.strerror}", level="error")


_kept: Final = _Kept()


def hold(directory: Path) -> None:
    """Have this worker go on with what is in force now."""
    _kept.hold(directory)


def install(environment: Mapping[str, str], refused: list[str]) -> None:
    """Install the change if it is wanted, once LiteLLM is imported; name it in ``refused`` if it does not fit."""
    if CHANGE.wanted(environment):
        try:
            _install()
        except (Unfit, ImportError, AttributeError) as problem:
            refused.append(f"{CHANGE.name}: {problem}")


def _install() -> None:
    import yaml
    from litellm.proxy import proxy_server
    from litellm.proxy.common_utils import config_includes

    module: Any = proxy_server
    config_class = module.ProxyConfig
    from_file, save = config_class._get_config_from_file, config_class.save_config
    expect(from_file, "262cf6c9cbfe")
    expect(config_class._process_includes, "240765bb6262")
    expect(config_class._load_yaml_file, "29f2d5291020")
    expect(save, "2f3913835e53")
    expect(config_includes.resolve_include_file_path, "a302e8333e0d")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

    async def get_config_from_file(self: Any, config_file_path: str | None = None) -> Any:
        path = config_file_path or module.user_config_file_path
        text = _kept.text(path)
        config = None if text is None else yaml.load(text, Loader=loader)
        if not isinstance(config, dict):
            return await from_file(self, config_file_path)
        if config_file_path is not None:
            module.user_config_file_path = config_file_path
        root = os.path.abspath(path)

        def resolve(name: str, declared_in: str) -> str:
            places = [os.path.abspath(os.path.join(os.path.dirname(near), name)) for near in (declared_in, root)]
            held = [place for place in places if _kept.text(place) is not None]
            return held[0] if held else config_includes.resolve_include_file_path(name, declared_in, root)

        async def read(place: str) -> Mapping[str, object]:
            included = _kept.text(place)
            content = self._load_yaml_file(place) if included is None else yaml.load(included, Loader=loader) or {}
            if not isinstance(content, dict):
                raise ValueError(f"Included config file is not a YAML mapping: {place}")
            return content

        return await config_includes.resolve_includes(config=config, location=root, resolve=resolve, read=read)

    async def save_config(self: Any, new_config: Any, *others: Any, **options: Any) -> None:
        path = module.user_config_file_path
        before = _stamp(path)
        await save(self, new_config, *others, **options)
        if _stamp(path) != before:
            _kept.written(path)

    config_class._get_config_from_file, config_class.save_config = get_config_from_file, save_config


def _stamp(path: str | None) -> int:
    try:
        return os.stat(path).st_mtime_ns if path else 0
    except OSError:
        return 0
