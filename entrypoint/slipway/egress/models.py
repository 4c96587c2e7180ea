"""Where the models of the config are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from slipway.egress.known_hosts import KnownHosts
from slipway.egress.places import HTTPS, Host, Undetermined, of_url

_KIND: Final = "provider"
_ENDINGS: Final = ("_API_BASE", "_BASE_URL", "_API_URL")
# Whoever names one of these says where the model is; the walk over all URLs of the config has it.
_BASES: Final = ("api_base", "base_url", "aws_bedrock_runtime_endpoint", "mock_response")
_LOGIN: Final = ("azure_ad_token", "tenant_id", "client_id", "azure_username")

# (what of a model, variables, what stands for neither): litellm/llms/bedrock/base_aws_llm.py (_get_aws_region_name),
# litellm/llms/vertex_ai/vertex_llm_base.py (get_vertex_region).
_REGION: Final = ("aws_region_name", ("AWS_REGION_NAME", "AWS_REGION", "AWS_DEFAULT_REGION"), "us-west-2")
_LOCATION: Final = ("vertex_location", ("VERTEXAI_LOCATION", "VERTEX_LOCATION"), "us-central1")

Value = Callable[[object], str | None]


def find(
    config: Mapping[str, object], environment: Mapping[str, str], known: KnownHosts, value: Value
) -> Iterator[Host | Undetermined]:
    """Yield the host of each model that names none itself. ``value`` resolves what a config says of a variable."""
    models = config.get("model_list")
    for index, model in enumerate(models if isinstance(models, list) else []):
        parameters = model.get("litellm_params") if isinstance(model, Mapping) else None
        if isinstance(parameters, Mapping):
            yield from _model(f"model_list[{index}]", parameters, environment, known, value)


def _model(
    place: str, parameters: Mapping[str, object], environment: Mapping[str, str], known: KnownHosts, value: Value
) -> Iterator[Host | Undetermined]:
    name = value(parameters.get("model")) or ""
    provider = value(parameters.get("custom_llm_provider")) or _provider(name, known)
    if provider.startswith("azure") and any(parameters.get(key) for key in _LOGIN):
        yield Host("login.microsoftonline.com", HTTPS, _KIND, f"{place} ({provider}) logs in there")
    if any(parameters.get(key) for key in _BASES):
        return
    why = f"{place} ({provider})"
    named = _by_variable(provider, environment, why)
    if named:
        yield named
    elif provider.startswith(("bedrock", "sagemaker", "aws_")):
        yield from _amazon(why, provider, parameters, environment, value)
    elif provider.startswith("vertex_ai"):
        yield from _google(why, parameters, environment, value)
    elif provider in known.providers:
        yield Host(known.providers[provider], HTTPS, _KIND, why)
    elif not provider:
        yield Undetermined(place, "its name tells no provider", "name the hosts of those that it may mean")
    else:
        yield Undetermined(
            why, "LiteLLM has no usual host for this provider", "give the model its api_base, or name the host"
        )


def _provider(name: str, known: KnownHosts) -> str:
    if name.strip("*") == "":
        return ""
    before, slash, _ = name.partition("/")
    return before if slash else known.models.get(name, "")


def _by_variable(provider: str, environment: Mapping[str, str], why: str) -> Host | None:
    beginning = provider.upper().replace("-", "_")
    for variable in (beginning + end for end in _ENDINGS):
        if found := of_url(environment.get(variable, ""), _KIND, f"{why} by {variable}"):
            return found
    return None


def _chosen(
    choice: tuple[str, tuple[str, ...], str],
    parameters: Mapping[str, object],
    environment: Mapping[str, str],
    value: Value,
) -> str:
    key, variables, usual = choice
    named = value(parameters.get(key))
    return named or next((environment[name] for name in variables if environment.get(name)), usual)


def _amazon(
    why: str, provider: str, parameters: Mapping[str, object], environment: Mapping[str, str], value: Value
) -> Iterator[Host]:
    region = _chosen(_REGION, parameters, environment, value)
    service = "runtime.sagemaker" if provider.startswith("sagemaker") else "bedrock-runtime"
    if provider == "bedrock_mantle":
        yield Host(f"bedrock-mantle.{region}.api.aws", HTTPS, _KIND, why)
    elif provider.startswith(("bedrock", "sagemaker")):
        yield Host(f"{service}.{region}.amazonaws.com", HTTPS, _KIND, why)
    if parameters.get("aws_role_name") or environment.get("AWS_ROLE_ARN"):
        yield Host(f"sts.{region}.amazonaws.com", HTTPS, _KIND, f"{why} takes a role there")
        yield Host("sts.amazonaws.com", HTTPS, _KIND, f"{why} takes a role there")


def _google(why: str, parameters: Mapping[str, object], environment: Mapping[str, str], value: Value) -> Iterator[Host]:
    location = _chosen(_LOCATION, parameters, environment, value)
    beginning = "" if location == "global" else f"{location}-"
    yield Host(f"{beginning}aiplatform.googleapis.com", HTTPS, _KIND, why)
    yield Host("oauth2.googleapis.com", HTTPS, _KIND, f"{why} logs in there")
