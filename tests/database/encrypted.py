"""A database with values that a gateway has encrypted, and what a test can tell of them without our own code."""

from __future__ import annotations

import json
import re
import secrets
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from tests.database.routes import teams
from tests.database.support import Site
from tests.support import gateway
from tests.support.ciphers import gcm, opened, xsalsa
from tests.support.gateway import MANAGEMENT_PORT, PORT, Gateway
from tests.support.lab import Box, Finished

CONFIG = f"{gateway.MOCK}general_settings:\n  store_model_in_db: true\n"
NEWER_CIPHER = f"{CONFIG}  encryption_algorithm: aes-256-gcm\n"
# Found nowhere but in the database, encrypted.
SECRET = f"stored-{secrets.token_hex(16)}"
ANSWER = f"answer of a stored model {secrets.token_hex(8)}"
KEYS = "LiteLLM_VerificationToken"
_WORD = re.compile(r"(litellm_enc::)?(v2:gcm:[A-Za-z0-9_\-+/]{36,}={0,2}|[A-Za-z0-9_\-+/]{54,}={0,2})")


def serve(
    site: Site,
    database: str,
    directory: Path,
    *,
    key: str,
    config: str = CONFIG,
    env: Mapping[str, str] | None = None,
) -> Gateway:
    """A ready gateway with this salt key, which the host can talk to."""
    path = gateway.write(directory, f"{secrets.token_hex(4)}.yaml", config)
    spec = site.spec(
        database,
        "--config",
        gateway.CONFIG_PATH,
        env={"LITELLM_SALT_KEY": key, **(env or {})},
        files={gateway.CONFIG_PATH: path},
        ports=(PORT, MANAGEMENT_PORT),
    )
    running = Gateway(site.lab.start(spec))
    gateway.wait_ready(running)
    return running


def stop(running: Gateway) -> None:
    running.box.container.stop(timeout=60)


def write_by_default_cipher(running: Gateway) -> None:
    """One of everything that the admin API encrypts without a licence and without somebody outside."""
    call = _Admin(running)
    _store_model(call, "stored")
    call("/credentials", {"credential_name": "c", "credential_values": {"api_key": SECRET}, "credential_info": {}})
    call("/key/generate", {"metadata": {"logging": [teams.CALLBACK], "floor": 1.10}})
    team = call("/team/new", {"team_alias": "t", "metadata": {"logging": [teams.CALLBACK]}})["team_id"]
    call("/user/new", {"auto_create_key": False, "metadata": {"logging": [teams.CALLBACK]}})
    gone = call("/key/generate", {"metadata": {"logging": [teams.CALLBACK]}})["key"]
    call("/key/delete", {"keys": [gone]})
    call("/team/delete", {"team_ids": [team]})
    call("/team/new", {"team_alias": "u", "metadata": {"logging": [teams.CALLBACK]}})
    call("/config/update", {"environment_variables": {"STORED_SECRET": SECRET}})
    guardrail = {"guardrail": "lakera_v2", "mode": "pre_call", "api_key": SECRET, "api_base": "http://127.0.0.1:9"}
    call("/guardrails", {"guardrail": {"guardrail_name": "g", "litellm_params": guardrail, "guardrail_info": {}}})
    tool = {"search_tool_name": "s", "litellm_params": {"search_provider": "tavily", "api_key": SECRET}}
    call("/search_tools", {"search_tool": tool})
    call("/update/sso_settings", {"google_client_id": "id", "google_client_secret": SECRET}, method="PATCH")
    call("/cache/settings", {"cache_settings": {"type": "local"}})
    call("/cloudzero/init", {"api_key": SECRET, "connection_id": "c", "timezone": "UTC"})
    server = {
        "server_id": "m",
        "server_name": "m",
        "url": "http://127.0.0.1:9/mcp",
        "transport": "http",
        "auth_type": "api_key",
        "credentials": {"auth_value": SECRET},
        "static_headers": {"X-Secret": SECRET},
        "env": {"SECRET": SECRET},
        "env_vars": [
            {"name": "A", "value": SECRET, "scope": "global"},
            {"name": "B", "value": "b", "scope": "user"},
        ],
        "is_byok": True,
        "allow_all_keys": True,
    }
    call("/v1/mcp/server", server)
    call("/v1/mcp/server/m/user-credential", {"credential": SECRET})
    call("/v1/mcp/server/m/user-env-vars", {"values": {"B": SECRET}})


def write_by_newer_cipher(running: Gateway) -> None:
    call = _Admin(running)
    _store_model(call, "newer")
    call("/credentials", {"credential_name": "d", "credential_values": {"api_key": SECRET}, "credential_info": {}})
    call("/key/generate", {"metadata": {"logging": [teams.CALLBACK]}})


def _store_model(call: _Admin, name: str) -> None:
    params = {"model": "openai/x", "api_key": SECRET, "mock_response": ANSWER, "extra_headers": {"x": "y" * 60}}
    call("/model/new", {"model_name": name, "litellm_params": params, "model_info": {}})


class _Admin:
    def __init__(self, running: Gateway) -> None:
        self._client = httpx.Client(
            base_url=running.url, timeout=60, headers={"Authorization": f"Bearer {gateway.MASTER_KEY}"}
        )

    def __call__(self, path: str, body: object, *, method: str = "POST") -> Any:
        answer = self._client.request(method, path, json=body)
        assert answer.is_success, f"{path}: {answer.status_code} {answer.text[:2000]}"
        return answer.json()


def add_keys(site: Site, database: str, number: int, key: str) -> None:
    """Virtual keys with callbacks, as many as a test wants, by both ciphers; every second one has none."""
    lines = []
    for index in range(number):
        encrypt = (xsalsa, gcm)[index % 2]
        value = f"litellm_enc::{encrypt(f'{SECRET}-{index}', key)}"
        logging = [{"callback_name": "langfuse", "callback_vars": {"langfuse_secret_key": value}}]
        lines += [
            f"with-{index}\t{json.dumps({'logging': logging, 'n': index})}",
            f'without-{index}\t{{"floor": 3}}',
        ]
    rows = "\n".join(lines)
    site.postgres.sql(f'COPY "{KEYS}" (token, metadata) FROM stdin;\n{rows}\n\\.\n', database)


def dump(site: Site, database: str) -> str:
    """Every row of every table, as pg_dump writes it, in an order of its own.

    But for the number by which a trigger of LiteLLM's tells gateways that MCP servers have changed.
    """
    text = site.postgres.exec("pg_dump", "--data-only", "--inserts", "--dbname", database)
    lines = (line for line in text.splitlines() if not line.startswith(("--", "\\")))
    return "\n".join(sorted(line for line in lines if "'mcp_catalog'" not in line))


def clear(text: str, **keys: str) -> tuple[str, Counter[str]]:
    """`text` with what the keys open in clear, with mark and cipher, and how many values each opened."""
    counts: Counter[str] = Counter()

    def decrypt(found: re.Match[str]) -> str:
        for name, key in keys.items():
            plain = opened(found[2], key)
            if plain is not None:
                counts[name] += 1
                return f"<{found[1]} {found[2].startswith('v2:gcm:')} {plain}>"
        return found[0]

    return _WORD.sub(decrypt, text), counts


def key_files(directory: Path, **keys: str | bytes) -> dict[str, Path]:
    """Files for a container, each at /keys/NAME."""
    files = {}
    for name, key in keys.items():
        path = directory / f"{name}-{secrets.token_hex(4)}"
        path.write_bytes(key if isinstance(key, bytes) else f"{key}\n".encode())
        path.chmod(0o644)
        files[f"/keys/{name}"] = path
    return files


ROTATE = ("salt", "rotate", "--from-file", "/keys/old", "--to-file", "/keys/new")


def rotate(
    site: Site,
    database: str,
    files: Mapping[str, Path],
    *arguments: str,
    env: Mapping[str, str | None] | None = None,
) -> Finished:
    return site.run(database, *ROTATE, *arguments, files=files, env=env)


def begin(site: Site, database: str, files: Mapping[str, Path], *arguments: str) -> Box:
    """A rotation that is not waited for."""
    return site.lab.start(site.spec(database, *ROTATE, *arguments, files=files))
