"""Hosts of the models in model_list, and of whatever else names a model of a provider."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from slipway.egress import clouds
from slipway.egress.reach import Reach
from slipway.egress.table import Entry
from slipway.settings import parse_switch

# They choose among other models, or hold a prompt for one (litellm/types/utils.py, LlmProviders).
_WITHOUT: Final = frozenset({"auto_router", "litellm_agent", "dotprompt"})


def add(reach: Reach) -> None:
    """Note the hosts of every model of the config, and that there may be others in the database."""
    models = reach.config.get("model_list")
    for index, model in enumerate(models if isinstance(models, list) else []):
        parameters = model.get("litellm_params") if isinstance(model, Mapping) else None
        if isinstance(parameters, Mapping):
            add_parameters(reach, parameters, f"model_list[{index}]")
            _tokenizer(reach, model.get("model_info"), f"model_list[{index}].model_info.custom_tokenizer")
    settings = reach.section("litellm_settings")
    with reach.of("litellm_settings.api_base"):
        if base := reach.first(settings, "api_base"):
            reach.address("provider", "litellm_settings.api_base", base)
    if settings.get("custom_provider_map"):
        reach.unknown(
            "litellm_settings.custom_provider_map",
            "providers of your own ask whatever their code asks",
            "Add their hosts by hand.",
        )
    stored = reach.section("general_settings").get("store_model_in_db")
    if stored is True or parse_switch(str(stored or reach.variable("STORE_MODEL_IN_DB"))):
        reach.unknown(
            "store_model_in_db",
            "models, MCP servers, guardrails and callbacks may be in the database",
            "Add the hosts of what is added in the UI by hand, and again whenever that changes.",
        )


def add_parameters(reach: Reach, parameters: Mapping[str, object], place: str) -> None:
    """Note the hosts of what ``litellm_params`` says, found at ``place``."""
    # It answers by itself.
    if parameters.get("mock_response"):
        return
    with reach.of(place):
        _add(reach, _with_credentials(reach, parameters, place), place)


def _add(reach: Reach, parameters: Mapping[str, object], place: str) -> None:
    model = reach.first(parameters, "model")
    named = reach.first(parameters, "custom_llm_provider")
    provider = (named if named in reach.table.names else None) or (None if named else reach.table.provider(model))
    if provider in _WITHOUT:
        return
    base = reach.first(parameters, "api_base", "base_url")
    why = f"{place}: {provider}" if provider else place
    if provider and clouds.add(reach, provider, parameters, why):
        return
    if base:
        reach.address("provider", why, base)
    elif model == "*" or not provider:
        what = "a model of any provider" if model == "*" else "a model whose provider LiteLLM does not tell by its name"
        reach.unknown(place, what, "Write model: PROVIDER/NAME, or set api_base.")
    elif not reach.entry("provider", why, reach.table.providers.get(provider, _NOWHERE)):
        variables = reach.table.providers.get(provider, _NOWHERE).variables
        reach.unknown(
            why,
            "LiteLLM has no address for this provider",
            f"Set its api_base{f', or {variables[0]}' if variables else ''}; or add its host by hand.",
        )


def _tokenizer(reach: Reach, information: object, place: str) -> None:
    """Note where a tokenizer of its own is fetched from (litellm/utils.py, create_pretrained_tokenizer)."""
    if isinstance(information, Mapping) and information.get("custom_tokenizer"):
        reach.address("provider", place, reach.variable("HF_ENDPOINT") or "huggingface.co")


def _with_credentials(reach: Reach, parameters: Mapping[str, object], place: str) -> Mapping[str, object]:
    """Return the parameters with those of the credential that they name (credential_list)."""
    name = parameters.get("litellm_credential_name")
    if not name:
        return parameters
    listed = reach.config.get("credential_list")
    for credential in listed if isinstance(listed, list) else []:
        if isinstance(credential, Mapping) and credential.get("credential_name") == name:
            values = credential.get("credential_values")
            return {**values, **parameters} if isinstance(values, Mapping) else parameters
    reach.unknown(
        f"{place}: litellm_credential_name",
        "the credential is not in credential_list, and one in the database may hold an address",
        "Add its host by hand, if it names one.",
    )
    return parameters


_NOWHERE: Final = Entry()
