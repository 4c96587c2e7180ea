"""Models whose provider has no credentials: LiteLLM notices at the first request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from slipway.checks.keys import supplier
from slipway.config_file import section
from slipway.report import Finding

# Providers that have one key, and the variables LiteLLM takes it from (validate_environment in litellm/utils.py and the
# providers' own code). Those that authenticate by a cloud's means, such as bedrock and vertex_ai, are not among them.
_VARIABLES: Final[Mapping[str, tuple[str, ...]]] = {
    "ai21": ("AI21_API_KEY",),
    "anthropic": ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"),
    "cerebras": ("CEREBRAS_API_KEY",),
    "cohere": ("COHERE_API_KEY", "CO_API_KEY"),
    "deepseek": ("DEEPSEEK_API_KEY",),
    "fireworks_ai": ("FIREWORKS_API_KEY", "FIREWORKS_AI_API_KEY", "FIREWORKSAI_API_KEY", "FIREWORKS_AI_TOKEN"),
    "gemini": ("GEMINI_API_KEY", "GOOGLE_API_KEY"),
    "groq": ("GROQ_API_KEY",),
    "mistral": ("MISTRAL_API_KEY",),
    "openai": ("OPENAI_API_KEY",),
    "openrouter": ("OPENROUTER_API_KEY", "OR_API_KEY"),
    "perplexity": ("PERPLEXITYAI_API_KEY", "PERPLEXITY_API_KEY"),
    "replicate": ("REPLICATE_API_KEY", "REPLICATE_API_TOKEN"),
    "together_ai": ("TOGETHERAI_API_KEY", "TOGETHER_API_KEY", "TOGETHER_AI_API_KEY", "TOGETHER_AI_TOKEN"),
    "voyage": ("VOYAGE_API_KEY", "VOYAGE_AI_API_KEY", "VOYAGE_AI_TOKEN"),
    "xai": ("XAI_API_KEY",),
}
# What a model may bring of its own, with which the variable is not looked at, or another host is asked.
_OWN: Final = ("api_key", "litellm_credential_name", "api_base", "base_url", "extra_headers", "mock_response")


def check(config: Mapping[str, object], environment: Mapping[str, str]) -> list[Finding]:
    """Warn of each provider that models name and that has no key, unless something may supply it in the workers."""
    # litellm_settings may hold keys too: api_key for every provider, openai_key, togetherai_api_key …
    if supplier(config, environment) or any(str(key).endswith("_key") for key in section(config, "litellm_settings")):
        return []
    known = {*environment, *section(config, "environment_variables")}
    without: dict[str, str] = {}
    models = config.get("model_list")
    for index, model in enumerate(models if isinstance(models, list) else []):
        provider = _provider(model)
        if provider in _VARIABLES and not known.intersection(_VARIABLES[provider]):
            without.setdefault(provider, f"model_list[{index}]")
    return [_finding(provider, place) for provider, place in without.items()]


def _provider(model: object) -> str:
    """Return the provider whose key a model needs, or "" when it has one or names none."""
    parameters = model.get("litellm_params") if isinstance(model, Mapping) else None
    if not isinstance(parameters, Mapping) or any(parameters.get(name) for name in _OWN):
        return ""
    named = parameters.get("custom_llm_provider") or str(parameters.get("model")).partition("/")[0]
    return named if isinstance(named, str) else ""


def _finding(provider: str, place: str) -> Finding:
    variable = _VARIABLES[provider][0]
    return Finding(
        "provider-key-unset",
        "warning",
        f"{place} is a model of {provider}, and neither its api_key nor {variable} is set.",
        f"Set {variable}, or litellm_params.api_key.",
        why="Its requests fail with an authentication error.",
    )
