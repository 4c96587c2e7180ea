"""Keys of LiteLLM's config that it has left behind, from its source and its changelog, and what takes their place."""

from __future__ import annotations

from typing import Final

# LiteLLM still reads them.
DEPRECATED: Final = {
    "general_settings.use_google_kms": "Write key_management_system: google_kms instead.",
    "general_settings.use_azure_key_vault": "Write key_management_system: azure_key_vault instead.",
    "general_settings.user_header_name": "Write user_header_mappings instead.",
    "general_settings.blocked_file_extensions": "Write allowed_file_extensions instead.",
    "general_settings.allow_user_auth": "Let users sign in with virtual keys, or with enable_jwt_auth.",
    "router_settings.redis_db": "Write cache_kwargs: {db: NUMBER} instead.",
    "litellm_settings.disable_copilot_system_to_assistant": "Remove it: GitHub Copilot takes system prompts.",
}
# Nothing reads them any more, or nothing but a warning.
GONE: Final = {
    "general_settings.skip_batch_input_file_rate_limiting_for_models": (
        "Write skip_batch_input_file_rate_limiting_for_providers or disable_batch_input_file_rate_limiting instead."
    ),
    "general_settings.max_failed_login_attempts": "Write max_failed_login_attempts_per_source instead.",
    "general_settings.database_type": "Remove it: LiteLLM's database is PostgreSQL.",
    "general_settings.database_args": "Remove it: LiteLLM's database is PostgreSQL.",
    "general_settings.disable_adding_master_key_hash_to_db": "Remove it.",
    "general_settings.use_client_credentials_pass_through_routes": "Remove it.",
    "general_settings.scope_spend_list_endpoints_to_caller": "Remove it.",
    "general_settings.legacy_unscoped_spend_list_endpoints": "Remove it.",
    "litellm_settings.disable_end_user_cost_tracking_prometheus_only": (
        "Remove it: the label is off unless enable_end_user_cost_tracking_prometheus_only is true."
    ),
    "litellm_settings.telemetry": "Remove it: LiteLLM sends none.",
}
