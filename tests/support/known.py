"""A little of what LiteLLM knows, for tests of the checks outside the image."""

from __future__ import annotations

from slipway import known

KNOWN = known.parse(
    {
        "variables": [
            *("LITELLM_MASTER_KEY", "LITELLM_SALT_KEY", "LITELLM_LOG", "REDIS_HOST", "REDIS_PORT", "REDIS_PASSWORD"),
            *("DATABASE_URL", "DATABASE_HOST", "PRISMA_QUERY_ENGINE_BINARY", "OPENAI_API_KEY"),
        ],
        "beginnings": ["LITELLM_RUST_"],
        "packages": ["litellm", "prisma", "prometheus_client"],
        "sections": {
            "": dict.fromkeys(
                ("model_list", "general_settings", "litellm_settings", "router_settings", "environment_variables"), ""
            )
            | {"include": "a", "guardrails": "a", "callback_settings": "o", "mcp_servers": "o"},
            "general_settings": {
                "master_key": "s",
                "store_model_in_db": "b",
                "proxy_batch_write_at": "",
                "alerting": "a",
                "alerting_threshold": "i",
                "use_google_kms": "b",
                "key_management_system": "s",
                "health_check_interval": "i",
                "litellm_jwtauth": "",
                "allow_requests_on_db_unavailable": "",
                "coordination_redis": "o",
                "database_url": "s",
                "database_type": "s",
            },
            "general_settings.litellm_jwtauth": {"user_id_jwt_field": "s"},
            "litellm_settings": {
                "callbacks": "a",
                "success_callback": "a",
                "cache": "b",
                "cache_params": "",
                "drop_params": "b",
                "num_retries": "i",
                "request_timeout": "n",
                "set_verbose": "b",
                "max_budget": "n",
            },
            "litellm_settings.cache_params": {"type": "s", "host": "s", "port": "s", "namespace": "s"},
            "router_settings": {
                "routing_strategy": "s",
                "num_retries": "i",
                "timeout": "n",
                "redis_host": "s",
                "redis_url": "s",
                "fallbacks": "a",
                "retry_policy": "o",
            },
            "model_list[]": {"model_name": "s", "litellm_params": "o", "model_info": "o", "rpm": "", "tpm": ""},
            "model_list[].litellm_params": {
                "model": "s",
                "api_key": "s",
                "api_base": "s",
                "api_version": "s",
                "rpm": "i",
                "tpm": "i",
                "timeout": "ns",
                "max_tokens": "",
                "drop_params": "bs",
                "use_litellm_proxy": "b",
            },
            "model_list[].model_info": {"id": "", "mode": "", "base_model": "s"},
            "mcp_servers.*": {"url": "s", "transport": ""},
        },
        "closed": [
            *("", "general_settings", "litellm_settings", "router_settings", "model_list[]"),
            *("general_settings.litellm_jwtauth", "litellm_settings.cache_params"),
        ],
        "mentioned": {"general_settings": ["seen_somewhere"], "litellm_settings": ["some_attribute"]},
        "choices": {
            "router_settings.routing_strategy": ["simple-shuffle", "least-busy", "usage-based-routing"],
            "litellm_settings.cache_params.type": ["redis", "local", "s3"],
        },
        "callbacks": ["langfuse", "prometheus", "otel"],
    }
)
