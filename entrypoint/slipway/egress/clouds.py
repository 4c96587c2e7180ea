"""Hosts of providers that depend on a region or an account, or that are asked only after a login.

LiteLLM cannot be asked for them at build, as it looks for credentials first. Each function names the file it follows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from slipway.egress.reach import Reach
from slipway.egress.table import Entry

Parameters = Mapping[str, object]
_REGION: Final = re.compile(r"[a-z][a-z0-9-]{0,40}\Z")
_ARN: Final = re.compile(r"arn:aws[a-z-]*:[a-z0-9-]+:([a-z0-9-]+):")
_IN_PATH: Final = re.compile(r"/([a-z]{2}(?:-[a-z]+){1,2}-\d)/")
MICROSOFT: Final = "login.microsoftonline.com"
GOOGLE: Final = "oauth2.googleapis.com"
_AWS_KEYS: Final = (("aws_access_key_id", "AWS_ACCESS_KEY_ID"), ("api_key", "AWS_BEARER_TOKEN_BEDROCK"))
_AWS_ROLES: Final = (("aws_role_name", "AWS_ROLE_NAME"), ("aws_web_identity_token", "AWS_WEB_IDENTITY_TOKEN_FILE"))
# Of llms/*/: the service's part of the host; the rest is region and partition.
_AWS_SERVICES: Final = {
    "bedrock": "bedrock-runtime.{}",
    "sagemaker": "runtime.sagemaker.{}",
    "aws_polly": "polly.{}",
    "aws_textract": "textract.{}",
    "transcribe": "transcribe.{}",
}
_AWS_ENDPOINTS: Final = {"bedrock": ("aws_bedrock_runtime_endpoint", "AWS_BEDROCK_RUNTIME_ENDPOINT")}
# Logins by a person's browser and device (llms/github_copilot/authenticator.py, llms/chatgpt/common_utils.py), logins
# at another host (llms/gigachat/authenticator.py), and a second host (llms/huggingface/chat/transformation.py).
_FIXED: Final = {
    "github_copilot": Entry(
        ("github.com", "api.github.com", "api.githubcopilot.com", "api.individual.githubcopilot.com"),
        ("GITHUB_COPILOT_API_BASE",),
    ),
    "chatgpt": Entry(("auth.openai.com", "chatgpt.com"), ("CHATGPT_API_BASE",)),
    "gigachat": Entry(("gigachat.devices.sberbank.ru", "ngw.devices.sberbank.ru:9443"), ("GIGACHAT_API_BASE",)),
    "huggingface": Entry(("router.huggingface.co", "huggingface.co"), ("HF_API_BASE", "HUGGINGFACE_API_BASE")),
}


def add(reach: Reach, provider: str, parameters: Parameters, why: str) -> bool:
    """Note the hosts of a cloud's model; False when the provider is none of them. Raises Unset."""
    family = next((name for name in _FAMILIES if provider == name or provider.startswith(f"{name}_")), None)
    if provider in _FIXED:
        entry = _FIXED[provider]
        named = reach.first_variable(*entry.variables)
        if base := _base(reach, parameters) or reach.variable(named):
            reach.address("provider", why, base)
        # The login stays where it is.
        reach.add("provider", why, *entry.hosts)
        return True
    # Of the names with the same beginning, these are others.
    if family is None or provider in ("azure_ai", "bedrock_mantle"):
        return provider in _SPECIAL and _SPECIAL[provider](reach, parameters, why)
    return _FAMILIES[family](reach, family, parameters, why)


def aws_region(reach: Reach, parameters: Parameters, default: str = "us-west-2") -> str:
    """Return the region as ``_get_aws_region_name`` of llms/bedrock/base_aws_llm.py does. Raises Unset."""
    model = str(parameters.get("model", ""))
    given = reach.first(parameters, "aws_region_name")
    found = _ARN.search(str(parameters.get("model_id") or model)) or _IN_PATH.search(model)
    variable = reach.first_variable("AWS_REGION_NAME", "AWS_REGION", "AWS_DEFAULT_REGION")
    return given or (found[1] if found else "") or reach.variable(variable) or default


def aws_host(reach: Reach, service: str, region: str, kind: str, why: str) -> None:
    """Note ``service.region.amazonaws.com``, where ``service`` has a ``{}`` for the region."""
    if not _REGION.match(region):
        _no_region(reach, why)
        return
    # Of partitions (get_aws_dns_suffix).
    suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    reach.add(kind, f"{why}, region {region}", f"{service.format(region)}.{suffix}")


def aws_login(reach: Reach, parameters: Parameters, region: str, why: str, kind: str = "provider") -> None:
    """Note where AWS gives credentials for a role; nothing where keys are given and no role."""
    role = any(parameters.get(key) or reach.variable(name) for key, name in _AWS_ROLES)
    keys = any(parameters.get(key) or reach.variable(name) for key, name in _AWS_KEYS)
    own = reach.first(parameters, "aws_sts_endpoint") or reach.variable("AWS_STS_ENDPOINT")
    if own and (role or not keys):
        reach.address(kind, f"{why}, credentials", own)
    elif role or not keys:
        aws_host(reach, "sts.{}", region, kind, f"{why}, credentials")
    if not role and not keys:
        reach.unknown(
            why,
            "neither keys nor a role are set: AWS's library then asks the machine, task or pod that it runs on",
            "Allow the metadata service (169.254.169.254:80, for pods 169.254.170.23:80), or set keys or a role.",
        )


def _aws(reach: Reach, family: str, parameters: Parameters, why: str) -> bool:
    region = aws_region(reach, parameters)
    key, variable = _AWS_ENDPOINTS.get(family, ("", ""))
    model = str(parameters.get("model", ""))
    own = _base(reach, parameters) or reach.first(parameters, key)
    service = _AWS_SERVICES[family]
    if family == "bedrock" and "agentcore/" in model:
        service = "bedrock-agentcore.{}"
    elif family == "bedrock" and "agent/" in model:
        service = "bedrock-agent-runtime.{}"
    if own:
        reach.address("provider", why, own)
    elif variable and reach.variable(variable):
        reach.address("provider", f"{why}, {variable}", reach.variable(variable))
    else:
        aws_host(reach, service, region, "provider", why)
    aws_login(reach, parameters, region, why)
    return True


def _newer_host(reach: Reach, name: str, region: str, own: str, why: str) -> None:
    """Note a host of AWS's newer domain, or the one that is set in its place."""
    if own:
        reach.address("provider", why, own)
    elif _REGION.match(region):
        reach.add("provider", f"{why}, region {region}", f"{name}.api.aws")
    else:
        _no_region(reach, why)


def _no_region(reach: Reach, why: str) -> None:
    reach.unknown(why, "its region is not written like one", "Correct the region.")


def _mantle(reach: Reach, parameters: Parameters, why: str) -> bool:
    """Follow llms/bedrock_mantle."""
    own = _base(reach, parameters) or reach.variable("BEDROCK_MANTLE_API_BASE")
    region = reach.variable("BEDROCK_MANTLE_REGION") or aws_region(reach, parameters, "us-east-1")
    _newer_host(reach, f"bedrock-mantle.{region}", region, own, why)
    aws_login(reach, parameters, region, why)
    return True


def _vectors(reach: Reach, parameters: Parameters, why: str) -> bool:
    """Follow llms/s3_vectors."""
    region = aws_region(reach, parameters)
    _newer_host(reach, f"s3vectors.{region}", region, _base(reach, parameters), why)
    aws_login(reach, parameters, region, why)
    return True


def _vertex(reach: Reach, _: str, parameters: Parameters, why: str) -> bool:
    """Follow get_vertex_base_url of llms/vertex_ai/common_utils.py and get_api_base of vertex_llm_base.py."""
    own = _base(reach, parameters)
    named = reach.first_variable("VERTEXAI_API_BASE", "VERTEX_API_BASE")
    settings = reach.section("litellm_settings")
    location = reach.first(parameters, "vertex_location", "vertex_ai_location")
    location = location or reach.first(settings, "vertex_location")
    location = location or reach.variable(reach.first_variable("VERTEXAI_LOCATION", "VERTEX_LOCATION")) or "us-central1"
    if own or named:
        reach.address("provider", f"{why}, {named}" if not own else why, own or reach.variable(named))
    elif not _REGION.match(location):
        reach.unknown(why, "its location is not written like one", "Correct vertex_location.")
    elif location == "global":
        reach.add("provider", f"{why}, location global", "aiplatform.googleapis.com")
    elif "-" not in location:
        reach.add("provider", f"{why}, location {location}", f"aiplatform.{location}.rep.googleapis.com")
    else:
        reach.add("provider", f"{why}, location {location}", f"{location}-aiplatform.googleapis.com")
    reach.add("provider", f"{why}, credentials", GOOGLE)
    return True


def _azure(reach: Reach, _: str, parameters: Parameters, why: str) -> bool:
    """Follow llms/azure/common_utils.py."""
    named = reach.first_variable("AZURE_API_BASE", "AZURE_OPENAI_ENDPOINT")
    own = _base(reach, parameters)
    if own or named:
        reach.address("provider", why if own else f"{why}, {named}", own or reach.variable(named))
    else:
        _no_base(reach, why, "AZURE_API_BASE")
    azure_login(reach, parameters, why)
    return True


def _azure_ai(reach: Reach, parameters: Parameters, why: str) -> bool:
    """Follow llms/azure_ai."""
    own, other = _base(reach, parameters), reach.variable("AZURE_AI_API_BASE")
    if own or other:
        reach.address("provider", why if own else f"{why}, AZURE_AI_API_BASE", own or other)
    else:
        _no_base(reach, why, "AZURE_AI_API_BASE")
    azure_login(reach, parameters, why)
    return True


def azure_login(reach: Reach, parameters: Parameters, why: str, kind: str = "provider") -> None:
    """Note Microsoft's login where a token is fetched and no key sent."""
    keys = ("tenant_id", "client_id", "azure_username", "azure_ad_token_provider")
    names = ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_FEDERATED_TOKEN_FILE", "AZURE_USERNAME")
    refreshed = reach.section("litellm_settings").get("enable_azure_ad_token_refresh") is True
    key = parameters.get("api_key") or reach.first_variable("AZURE_API_KEY", "AZURE_OPENAI_API_KEY")
    asked = any(parameters.get(name) for name in keys) or (not key and bool(reach.first_variable(*names)))
    if kind != "provider" or refreshed or asked:
        reach.address(kind, f"{why}, credentials", reach.variable("AZURE_AUTHORITY_HOST") or MICROSOFT)


def _watsonx(reach: Reach, _: str, parameters: Parameters, why: str) -> bool:
    """Follow llms/watsonx/common_utils.py."""
    own = _base(reach, parameters)
    named = reach.first_variable("WATSONX_API_BASE", "WATSONX_URL", "WX_URL", "WML_URL")
    if own or named:
        reach.address("provider", why if own else f"{why}, {named}", own or reach.variable(named))
    else:
        _no_base(reach, why, "WATSONX_API_BASE")
    if not (reach.first_variable("WATSONX_TOKEN", "WATSONX_ZENAPIKEY") or parameters.get("token")):
        reach.address("provider", f"{why}, credentials", reach.variable("WATSONX_IAM_URL") or "iam.cloud.ibm.com")
    return True


def _snowflake(reach: Reach, _: str, parameters: Parameters, why: str) -> bool:
    """Follow llms/snowflake/utils.py."""
    account = reach.first(parameters, "account_id") or reach.variable("SNOWFLAKE_ACCOUNT_ID")
    own = _base(reach, parameters) or reach.variable("SNOWFLAKE_API_BASE")
    if own or account:
        reach.address("provider", why, own or f"{account}.snowflakecomputing.com")
    else:
        _no_base(reach, why, "SNOWFLAKE_ACCOUNT_ID")
    return True


def _oci(reach: Reach, _: str, parameters: Parameters, why: str) -> bool:
    """Follow llms/oci/common_utils.py; regions of other realms than Oracle's first have other domains."""
    region = reach.first(parameters, "oci_region") or reach.variable("OCI_REGION") or "us-ashburn-1"
    own = _base(reach, parameters)
    reach.address("provider", why, own or f"inference.generativeai.{region}.oci.oraclecloud.com")
    return True


def _sap(reach: Reach, _: str, parameters: Parameters, why: str) -> bool:
    """Follow llms/sap."""
    for name in ("AICORE_BASE_URL", "AICORE_AUTH_URL", "AICORE_CERT_URL"):
        if reach.variable(name):
            reach.address("provider", f"{why}, {name}", reach.variable(name))
    if not reach.variable("AICORE_BASE_URL"):
        _no_base(reach, why, "AICORE_BASE_URL")
    return True


def _base(reach: Reach, parameters: Parameters) -> str:
    return reach.first(parameters, "api_base", "base_url")


def _no_base(reach: Reach, why: str, variable: str) -> None:
    reach.unknown(why, "no address is set, and the provider has none of its own", f"Set its api_base, or {variable}.")


_FAMILIES: Final[Mapping[str, Callable[[Reach, str, Parameters, str], bool]]] = {
    **dict.fromkeys(_AWS_SERVICES, _aws),
    "vertex_ai": _vertex,
    "azure": _azure,
    "watsonx": _watsonx,
    "snowflake": _snowflake,
    "oci": _oci,
    "sap": _sap,
}
_SPECIAL: Final[Mapping[str, Callable[[Reach, Parameters, str], bool]]] = {
    "azure_ai": _azure_ai,
    "bedrock_mantle": _mantle,
    "s3_vectors": _vectors,
}
