"""Build stage: what the installed LiteLLM knows, its variables and the keys of its config, as one JSON file.

Usage: python -m known SITE_PACKAGES FILE. `slipway check` tells unknown names from known ones with it. Fails when a
class that it asks is no longer there: a new release is read and this adapted, before a check falls silent.
"""

from __future__ import annotations

import json
import sys
from importlib import import_module
from importlib.metadata import version
from inspect import Parameter
from pathlib import Path
from typing import Any, Final

from known.reads import GENERAL, LITELLM, PARAMETERS, Reads, assigned
from known.schemas import Schemas
from known.source import modules
from known.variables import Variables

# Those that users set variables for; one that an image lacks is left out.
_PACKAGES: Final = ("litellm", "litellm_proxy_extras", "prisma", "fast_litellm", "prometheus_client")
_ROUTER: Final = "router_settings"
# Where a key that nothing reads is ignored in silence. Elsewhere LiteLLM hands keys on, to a provider or to Redis.
_CLOSED: Final = (
    *("", GENERAL, LITELLM, _ROUTER, "model_list[]"),
    *("general_settings.litellm_jwtauth", "litellm_settings.cache_params"),
)
# Models of sections: path, module, class, levels below it.
_MODELS: Final = (
    (GENERAL, "litellm.proxy._types", "ConfigGeneralSettings", 2),
    ("general_settings.litellm_jwtauth", "litellm.proxy._types", "LiteLLM_JWTAuth", 0),
    ("general_settings.alerting_args", "litellm.types.integrations.slack_alerting", "SlackAlertingArgs", 0),
    ("general_settings.key_management_settings", "litellm.types.secret_managers.main", "KeyManagementSettings", 0),
    ("router_settings.allowed_fails_policy", "litellm.types.router", "AllowedFailsPolicy", 0),
    ("router_settings.retry_policy", "litellm.types.router", "RetryPolicy", 0),
    ("model_list[]", "litellm.types.router", "Deployment", 0),
    (PARAMETERS, "litellm.types.router", "LiteLLM_Params", 0),
    (PARAMETERS, "litellm.types.router", "LiteLLMParamsTypedDict", 0),
    ("model_list[].model_info", "litellm.types.router", "ModelInfo", 0),
    ("model_list[].model_info", "litellm.types.utils", "ModelInfoBase", 0),
    ("guardrails[]", "litellm.types.guardrails", "Guardrail", 0),
    ("guardrails[].litellm_params", "litellm.types.guardrails", "LitellmParams", 0),
    ("mcp_servers.*", "litellm.proxy._experimental.mcp_server.mcp_server_manager", "MCPServerConfig", 0),
    ("search_tools[]", "litellm.types.router", "SearchToolTypedDict", 1),
    ("vector_store_registry[]", "litellm.types.vector_stores", "LiteLLM_VectorStoreConfig", 0),
    ("vector_store_registry[].litellm_params", "litellm.types.vector_stores", "LiteLLM_ManagedVectorStore", 0),
    ("vector_store_registry[].litellm_params", "litellm.types.router", "GenericLiteLLMParams", 0),
    ("credential_list[]", "litellm.models.credentials", "CredentialItem", 0),
    ("prompts[]", "litellm.types.prompts.init_prompts", "PromptSpec", 1),
    ("worker_registry[]", "litellm.types.proxy.control_plane_endpoints", "WorkerRegistryEntry", 0),
)
# Functions whose parameters may stand in a model's litellm_params.
_CALLS: Final = (
    *("completion", "embedding", "image_generation", "transcription", "speech", "rerank", "text_completion"),
    *("responses", "moderation"),
)
# What the cache hands its parameters on to.
_CACHES: Final = (
    ("redis_cache", "RedisCache"),
    ("redis_cluster_cache", "RedisClusterCache"),
    ("redis_semantic_cache", "RedisSemanticCache"),
    ("s3_cache", "S3Cache"),
)
_LISTS: Final = ("OPENAI_CHAT_COMPLETION_PARAMS", "OPENAI_TRANSCRIPTION_PARAMS", "OPENAI_EMBEDDING_PARAMS")
_CALLBACKS: Final = ("callbacks", "success_callback", "failure_callback", "audit_log_callbacks", "service_callback")
# Where the code that reads a key takes something else than its model or its attribute says, or there is none.
_AS_READ: Final = (
    *(("", name, list[Any]) for name in ("include", "guardrails", "search_tools", "credential_list", "prompts")),
    *(("", name, list[Any]) for name in ("vector_store_registry", "worker_registry", "policy_attachments")),
    *(("", name, dict[str, Any]) for name in ("mcp_servers", "callback_settings", "policies")),
    *((LITELLM, name, list[Any]) for name in _CALLBACKS),
    # The attribute holds the cache itself; the key says whether there is one.
    (LITELLM, "cache", bool),
    (GENERAL, "user_header_mappings", Any),
    (GENERAL, "ui_access_mode", Any),
    (_ROUTER, "redis_port", int | str),
    ("litellm_settings.cache_params", "port", int | str),
    # A number becomes text.
    ("model_list[].model_info", "id", Any),
)
# Whose values are limited in vain: what one guardrail refuses, another takes, and a model's info is anybody's.
_UNLIMITED: Final = ("guardrails[]", "model_list[]")


def main() -> int:
    """Write the file."""
    packages, target = Path(sys.argv[1]), Path(sys.argv[2])
    present = [name for name in _PACKAGES if (packages / name).is_dir()]
    variables, reads = Variables(), Reads()
    settable: set[str] = set()
    for module in modules(packages, present):
        variables.see(module)
        if module.path.startswith("litellm/"):
            reads.see(module)
        if module.path == "litellm/__init__.py":
            settable = assigned(module.tree)
    reads.finish()
    names, beginnings = variables.finish()
    schemas = _schemas(reads, settable)
    content: dict[str, Any] = {
        "litellm": version("litellm"),
        "packages": present,
        "variables": sorted({*names, *_redis_variables()}),
        "beginnings": beginnings,
        "sections": schemas.sections,
        "closed": list(_CLOSED),
        "mentioned": {GENERAL: sorted(reads.mentioned), LITELLM: sorted(reads.attributes)},
        "choices": {path: words for path, words in schemas.choices.items() if not path.startswith(_UNLIMITED)},
        "callbacks": sorted(reads.callbacks | _generic_callbacks(packages) | _logger_names()),
    }
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(content, sort_keys=True, separators=(",", ":")) + "\n", encoding="utf-8")
    keys = sum(map(len, content["sections"].values()))
    print(f"known: {len(content['variables'])} variables, {keys} keys in {len(content['sections'])} sections")
    return 0


def _schemas(reads: Reads, settable: set[str]) -> Schemas:
    schemas = Schemas()
    for path, module, name, depth in _MODELS:
        schemas.add_type(path, getattr(import_module(module), name), depth)
    litellm: Any = import_module("litellm")
    router = import_module("litellm.router").Router
    schemas.add_parameters(_ROUTER, router.__init__, types=True, depth=2)
    outside = import_module("litellm.constants").ROUTER_SETTINGS_MANAGED_OUTSIDE_CONFIG
    for name in outside:
        schemas.forget(_ROUTER, name)
    for name in _CALLS:
        schemas.add_parameters(PARAMETERS, getattr(litellm, name), types=False)
    constants = import_module("litellm.constants")
    for name in (key for group in _LISTS for key in getattr(constants, group)):
        schemas.add_key(PARAMETERS, name)
    for name in import_module("litellm.types.utils").all_litellm_params:
        schemas.add_key(PARAMETERS, name)
    for name in sorted(settable | _plain(litellm)):
        schemas.add_key(LITELLM, name, _annotation(litellm, name))
    cache = "litellm_settings.cache_params"
    schemas.add_parameters(cache, import_module("litellm.caching.caching").Cache.__init__, types=True)
    for module, name in _CACHES:
        schemas.add_parameters(cache, getattr(import_module(f"litellm.caching.{module}"), name).__init__, types=False)
    redis = import_module("litellm._redis")
    for name in sorted({*redis._get_redis_kwargs(), *redis._get_redis_cluster_kwargs()}):
        schemas.add_key(cache, name)
    for path, names in sorted(reads.keys.items()):
        for name in sorted(names):
            schemas.add_key(path, name)
    for path, name, kind in _AS_READ:
        schemas.forget(path, name)
        schemas.add_key(path, name, kind)
    return schemas


def _plain(litellm: Any) -> set[str]:
    """Return the names of the module's attributes that hold plain values: some come from other modules."""
    plain = (bool, int, float, str, list, dict, type(None))
    return {name for name, value in vars(litellm).items() if name.islower() and name[0] != "_" and type(value) in plain}


def _annotation(litellm: Any, name: str) -> object:
    """Return the annotation of an attribute of the module, evaluated; inspect's own mark for none."""
    written = litellm.__annotations__.get(name, Parameter.empty)
    try:
        return eval(written, vars(litellm)) if isinstance(written, str) else written
    except NameError:
        return Parameter.empty


def _redis_variables() -> set[str]:
    """LiteLLM makes a variable of each argument of redis.Redis."""
    return set(import_module("litellm._redis")._get_redis_env_kwarg_mapping())


def _logger_names() -> set[str]:
    return set(import_module("litellm")._known_custom_logger_compatible_callbacks)


def _generic_callbacks(packages: Path) -> set[str]:
    """Names of callbacks that are a table of addresses."""
    file = packages / "litellm/integrations/generic_api/generic_api_compatible_callbacks.json"
    return set(json.loads(file.read_text(encoding="utf-8")))


if __name__ == "__main__":
    sys.exit(main())
