"""What LiteLLM's own command does to the environment before it starts a server, done in each worker.

Source: run_server in litellm/proxy/proxy_cli.py of the pinned release: KMS decryption, database tokens, and the pool,
time-out and TLS parameters of the database URLs. LiteLLM's own functions do the work.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from typing import Any

_URLS = ("DATABASE_URL", "DIRECT_URL", "DATABASE_URL_READ_REPLICA")
_PARTS = ("DATABASE_HOST", "DATABASE_USERNAME", "DATABASE_NAME")


async def prepare() -> None:
    """Complete the worker's environment. Does nothing, and imports nothing, without a database and without KMS."""
    if os.environ.get("USE_AWS_KMS") == "True":
        from litellm.secret_managers.aws_secret_manager import decrypt_env_var

        os.environ.update(decrypt_env_var())
    if not _may_use_a_database():
        return
    from litellm.proxy.db.db_url_settings import DatabaseURLSettings
    from litellm.proxy.db.token_auth import (
        AZURE_POSTGRESQL_AUTH_ENV_VAR,
        IAM_TOKEN_DB_AUTH_ENV_VAR,
        token_auth_flag_enabled,
    )

    tokens = (IAM_TOKEN_DB_AUTH_ENV_VAR, AZURE_POSTGRESQL_AUTH_ENV_VAR)
    if any(token_auth_flag_enabled(os.getenv(name), env_var=name) for name in tokens):
        DatabaseURLSettings.from_env().apply_writer_url_to_env()
    general = await _general_settings()
    _name_the_database(general)
    _add_parameters(general)


def _may_use_a_database() -> bool:
    if any(os.environ.get(name) for name in (*_URLS, *_PARTS)):
        return True
    return os.environ.get("SLIPWAY_CONFIG_NAMES_DATABASE") == "true"


async def _general_settings() -> Mapping[str, Any]:
    path = json.loads(os.environ["WORKER_CONFIG"]).get("config")
    if path is None:
        return {}
    from litellm.proxy.proxy_server import proxy_config

    config = await proxy_config.get_config(config_file_path=path)
    return config.get("general_settings") or {}


def _name_the_database(general: Mapping[str, Any]) -> None:
    from litellm.proxy.utils import construct_database_url_from_env_vars
    from litellm.secret_managers.main import get_secret_str

    url = general.get("database_url")
    if isinstance(url, str) and url.startswith("os.environ/"):
        url = get_secret_str(url, default_value=None)
    if url is None and not os.environ.get("DATABASE_URL"):
        url = construct_database_url_from_env_vars()
    if url:
        os.environ["DATABASE_URL"] = str(url)


def _add_parameters(general: Mapping[str, Any]) -> None:
    from litellm.proxy import proxy_cli
    from litellm.proxy.db import db_url_settings as urls
    from litellm.proxy.db.token_auth import token_auth_flag_enabled
    from litellm.secret_managers.main import str_to_bool

    pool = proxy_cli.LiteLLMDatabaseConnectionPool
    unprepared = general.get("database_disable_prepared_statements", False)
    if isinstance(unprepared, str):
        unprepared = str_to_bool(unprepared) is True
    variable = urls.DISABLE_PREPARED_STATEMENTS_ENV_VAR
    timeout = general.get("database_connection_timeout") or general.get("database_connection_pool_timeout")
    parameters = proxy_cli._build_db_connection_url_params(
        connection_limit=general.get("database_connection_pool_limit", pool.database_connection_pool_limit.value),
        pool_timeout=timeout or pool.database_connection_pool_timeout.value,
        connect_timeout=general.get("database_connect_timeout"),
        socket_timeout=general.get("database_socket_timeout"),
        disable_prepared_statements=bool(unprepared) or token_auth_flag_enabled(os.getenv(variable), env_var=variable),
        extra_params=general.get("database_extra_connection_params"),
    )
    lifetime = urls.idle_lifetime_params(general.get("database_max_idle_connection_lifetime"))
    limits = proxy_cli.DatabaseTimeoutSettings.model_validate(general).model_dump()
    # Which there are differs from line to line; each is a parameter by the name of its setting, without the first word.
    bounds = {name.removeprefix("database_"): seconds for name, seconds in limits.items()}

    def with_options(url: str) -> str:
        options = proxy_cli._pg_options_with_timeouts(proxy_cli._url_query_value(url, "options"), **bounds)
        return proxy_cli._with_query_value(url, "options", options) if options else url

    for name in _URLS:
        url = os.environ.get(name)
        if not url:
            continue
        scheme = urls.unsupported_db_scheme(url)
        if scheme is not None:
            raise RuntimeError(urls.unsupported_db_scheme_message(name, scheme))
        if name == "DATABASE_URL_READ_REPLICA":
            # What the operator pinned on the replica wins, unlike on the writer.
            complete = urls.add_missing_query_params(with_options(url), urls.reader_shareable_params(parameters))
        else:
            writer = with_options(url) if name == "DATABASE_URL" else url
            complete = proxy_cli.append_query_params(writer, parameters)
        os.environ[name] = urls.translate_libpq_ssl_params(urls.add_missing_query_params(complete, lifetime))


if __name__ == "__main__":
    # For the launcher, where only LiteLLM can know the URL: a token, a secret manager, AWS KMS.
    try:
        asyncio.run(prepare())
    except Exception as problem:
        # Its message may hold a secret.
        print(json.dumps({"error": f"{type(problem).__module__}.{type(problem).__qualname__}"}))
        sys.exit(1)
    print(json.dumps({name: os.environ[name] for name in _URLS if os.environ.get(name)}))
