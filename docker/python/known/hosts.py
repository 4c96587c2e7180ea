"""Build stage: hosts that the installed LiteLLM asks for providers, guardrails and callbacks, as one JSON file.

Usage: python -m known.hosts SITE_PACKAGES FILE. `slipway egress` makes a list of allowed hosts with it.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from known.asking import Call, providers
from known.defaults import Defaults
from known.source import modules

_MESSAGES: Final = [{"role": "user", "content": "x"}]
_ONCE: Final = {"api_key": "x", "max_retries": 0, "timeout": 1}
# Kinds of call by the mode that LiteLLM's price list gives a model.
_MODES: Final = ("chat", "embedding", "image_generation", "rerank", "audio_transcription", "audio_speech", "responses")
# They look for credentials where the machine has none: their hosts are in slipway/egress/clouds.py.
_CLOUDS: Final = ("azure", "bedrock", "sagemaker", "vertex_ai", "watsonx", "gigachat", "sap", "oci")
# A build in which fewer are found has lost what finds them.
_FEWEST: Final = 80


def main() -> int:
    """Write the file. Fails when LiteLLM can no longer be asked."""
    packages, target = Path(sys.argv[1]), Path(sys.argv[2])
    for name in set(os.environ) - {"PATH", "HOME", "LANG", "LITELLM_LOCAL_MODEL_COST_MAP", "LITELLM_MODE"}:
        del os.environ[name]
    litellm: Any = import_module("litellm")
    names = _names(litellm)
    waiting = set(litellm.constants.PROVIDERS_THAT_AUTHENTICATE_ON_PROVIDER_INFO)
    asked = [name for name in names if name not in waiting and not name.startswith(_CLOUDS)]
    found = providers(asked, _calls(litellm), _examples(litellm, asked))
    if len(found) < _FEWEST:
        print(f"known.hosts: hosts of {len(found)} providers only; LiteLLM has changed", file=sys.stderr)
        return 1
    defaults = Defaults()
    for module in modules(packages, ["litellm"]):
        defaults.see(module)
    content = {
        "names": names,
        "providers": found,
        "models": _bare(litellm),
        "rules": list(_rules(packages)),
        "guardrails": defaults.guardrails,
        "callbacks": {**defaults.callbacks, **_generic(packages)},
    }
    target.write_text(json.dumps(content, sort_keys=True, separators=(",", ":")) + "\n", encoding="utf-8")
    others = f"{len(defaults.guardrails)} guardrails, {len(defaults.callbacks)} callbacks"
    print(f"known.hosts: {len(found)} providers, {others}")
    return 0


def _names(litellm: Any) -> list[str]:
    """Return the beginnings of models that name a provider: LiteLLM's own, and those that are a table of addresses."""
    tables = import_module("litellm.llms.openai_like.json_loader").JSONProviderRegistry.list_providers()
    return sorted({*(str(getattr(name, "value", name)) for name in litellm.provider_list), *tables})


def _calls(litellm: Any) -> dict[str, Call]:
    litellm.suppress_debug_info = True
    # Its names are looked up in threads, which nobody watches.
    litellm.disable_aiohttp_transport = True
    return {
        "chat": lambda model: litellm.completion(model=model, messages=_MESSAGES, num_retries=0, **_ONCE),
        "embedding": lambda model: litellm.embedding(model=model, input=["x"], **_ONCE),
        "image_generation": lambda model: litellm.image_generation(model=model, prompt="x", **_ONCE),
        "rerank": lambda model: litellm.rerank(model=model, query="x", documents=["x"], api_key="x"),
        "audio_transcription": lambda model: litellm.transcription(model=model, file=("x.wav", b"RIFF"), **_ONCE),
        "audio_speech": lambda model: litellm.speech(model=model, input="x", voice="x", **_ONCE),
        "responses": lambda model: litellm.responses(model=model, input="x", api_key="x", timeout=1),
    }


def _examples(litellm: Any, names: list[str]) -> dict[tuple[str, str], str]:
    """Return a model of each provider and kind from the price list."""
    examples: dict[tuple[str, str], str] = {}
    for model, entry in sorted(litellm.model_cost.items()):
        provider, mode = entry.get("litellm_provider"), entry.get("mode")
        if provider in names and mode in _MODES:
            full = model if model.startswith(f"{provider}/") else f"{provider}/{model}"
            examples.setdefault((provider, mode), full)
    return examples


def _bare(litellm: Any) -> dict[str, list[str]]:
    """Return the models that need no provider's prefix, by the provider that LiteLLM takes for them."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    beginnings = set(_names(litellm))
    for model in sorted(litellm.model_cost):
        if model.partition("/")[0] in beginnings:
            continue
        try:
            provider = litellm.get_llm_provider(model=model)[1]
        except Exception:
            # One that LiteLLM wants a prefix for.
            continue
        found[provider].append(model)
    return dict(found)


def _rules(packages: Path) -> Iterator[list[str]]:
    """Yield (pattern, provider) of models that are newer than the list, as litellm_core_utils asks them in order."""
    file = packages / "litellm/model_prices_and_context_window_backup.json"
    rules: list[Mapping[str, Any]] = json.loads(file.read_text("utf-8"))["fallback_generalizations"]["rules"]
    for rule in rules:
        if set(rule["model_info"]) == {"litellm_provider"}:
            re.compile(rule["pattern"])
            yield [rule["pattern"], rule["model_info"]["litellm_provider"]]


def _generic(packages: Path) -> dict[str, dict[str, list[str]]]:
    """Return callbacks that are a table of addresses."""
    file = packages / "litellm/integrations/generic_api/generic_api_compatible_callbacks.json"
    table = json.loads(file.read_text(encoding="utf-8"))
    found = {}
    for name, entry in table.items():
        endpoint = str(entry.get("endpoint", ""))
        variables = re.findall(r"\{\{environment_variables\.([A-Z0-9_]+)\}\}", endpoint)
        host = re.match(r"https?://([A-Za-z0-9.-]+)(?:/|\Z)", endpoint)
        found[name] = {"hosts": [f"{host[1]}:443"] if host else [], "variables": variables}
    return found


if __name__ == "__main__":
    sys.exit(main())
