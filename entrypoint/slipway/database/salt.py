"""The salt key, tried on what the database holds before anything is served.

LiteLLM encrypts credentials with LITELLM_SALT_KEY, or with the master key when that is not set, and returns nothing for
a value that it cannot decrypt (litellm/proxy/common_utils/encrypt_decrypt_utils.py): models lose their API keys, one
request at a time. Both of its ciphers are authenticated, so a key that opens a value is certainly the right one.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from psycopg import sql

from slipway.database.connection import Connection
from slipway.report import ExitCode, Finding, refuse

VARIABLE: Final = "LITELLM_SALT_KEY"
ACKNOWLEDGED: Final = "SLIPWAY_ALLOW_MASTER_KEY_AS_SALT"
_GCM: Final = "v2:gcm:"
_MARK: Final = "litellm_enc::"
# Nonce and tag of the shorter cipher; anything less is no ciphertext.
_SHORTEST: Final = 40
_ROWS: Final = 50
_WORD: Final = re.compile(r"[A-Za-z0-9_\-+/]+={0,2}")


@dataclass(frozen=True, slots=True)
class Place:
    """A column with encrypted text. Not ``always``: plain text stands there too, unless it is marked."""

    table: str
    column: str
    holds: str
    always: bool = True


# The columns of litellm/proxy/db/master_key_migration.py; a test compares them with the installed release.
PLACES: Final = (
    Place("LiteLLM_ProxyModelTable", "litellm_params", "models"),
    Place("LiteLLM_CredentialsTable", "credential_values", "credentials"),
    Place("LiteLLM_Config", "param_value", "settings", always=False),
    Place("LiteLLM_GuardrailsTable", "litellm_params", "guardrails", always=False),
    Place("LiteLLM_SSOConfig", "sso_settings", "single sign-on settings", always=False),
    Place("LiteLLM_CacheConfig", "cache_settings", "cache settings", always=False),
    Place("LiteLLM_ConfigOverrides", "config_value", "settings", always=False),
    Place("LiteLLM_MCPServerTable", "credentials", "MCP servers", always=False),
    Place("LiteLLM_MCPServerTable", "static_headers", "MCP servers", always=False),
    Place("LiteLLM_MCPServerTable", "env_vars", "MCP servers", always=False),
    Place("LiteLLM_MCPServerTable", "env", "MCP servers", always=False),
    Place("LiteLLM_MCPServerOAuthClient", "credentials", "MCP servers", always=False),
    Place("LiteLLM_MCPUserCredentials", "credential_b64", "MCP users' credentials"),
    Place("LiteLLM_MCPUserEnvVars", "values_b64", "MCP users' credentials"),
    Place("LiteLLM_SSOIdentityAssertion", "assertion_b64", "identity assertions"),
    Place("LiteLLM_SearchToolsTable", "litellm_params", "search tools", always=False),
    Place("LiteLLM_TeamTable", "metadata", "teams' callbacks", always=False),
    Place("LiteLLM_VerificationToken", "metadata", "keys' callbacks", always=False),
    Place("LiteLLM_UserTable", "metadata", "users' callbacks", always=False),
    Place("LiteLLM_DeletedTeamTable", "metadata", "deleted teams", always=False),
    Place("LiteLLM_DeletedVerificationToken", "metadata", "deleted keys", always=False),
)


UNTRIED: Final = Finding(
    "salt-key-later",
    "warning",
    f"{VARIABLE} is not set yet; a worker startup hook may still set it, and it cannot be tried before.",
    f"Set {VARIABLE} where the gateway is started, if you can.",
    ExitCode.SECRET,
)


@dataclass(slots=True)
class Trial:
    """How many sampled values each key opens, and what the others belong to."""

    salt: int = 0
    master: int = 0
    lost: dict[str, int] = field(default_factory=dict)


def judge(
    connection: Connection, schema: str, salt: str | None, master: str | None, *, acknowledged: bool, new: bool
) -> list[Finding]:
    """Decide whether the keys fit the database. ``new`` is a database without LiteLLM's tables.

    Raises Refusal (66) when a salt key is missing, (71) when the one given opens nothing that is there.
    """
    trial = Trial() if new else attempt(connection, schema, salt, master)
    lost = ", ".join(f"{count} of the {holds}" for holds, count in sorted(trial.lost.items()))
    if salt:
        return _with_salt(trial, lost)
    if lost and not trial.master:
        raise _mismatch(f"LITELLM_MASTER_KEY, which stands in for {VARIABLE}, opens", lost, _FORMER)
    if acknowledged:
        return []
    if trial.master:
        raise refuse(
            "salt-key-is-master-key",
            ExitCode.SECRET,
            f"{VARIABLE} is not set, and the database's credentials are encrypted with the master key: they are lost "
            "when that changes.",
            f"Set {VARIABLE} to the master key's present value and keep it for ever; the master key may change then. "
            f"Or accept the risk: {ACKNOWLEDGED}=on.",
        )
    raise refuse(
        "salt-key-missing",
        ExitCode.SECRET,
        f"{VARIABLE} is not set, and this database will hold credentials encrypted with it.",
        f'Make one and keep it for ever: -e {VARIABLE}="sk-$(openssl rand -hex 32)". Without it the master key is '
        f"used, and what is stored is lost when that changes ({ACKNOWLEDGED}=on accepts it).",
    )


_FORMER: Final = f"Set {VARIABLE} to the key that the database was written with; nothing has been changed."


def _with_salt(trial: Trial, lost: str) -> list[Finding]:
    if trial.salt:
        if not lost and not trial.master:
            return []
        others = lost or f"{trial.master} values under the master key"
        return [
            Finding(
                "salt-key-partial",
                "warning",
                f"{VARIABLE} opens most of the database's credentials but not all: {others}.",
                "Enter those again in the UI, or start with the key they were written with.",
                ExitCode.SALT,
            )
        ]
    if trial.master:
        raise _mismatch(
            f"{VARIABLE} opens",
            f"{trial.master} values, which the master key opens",
            f"They were written before {VARIABLE} was set: give it the master key's present value, for ever.",
        )
    if lost:
        raise _mismatch(f"{VARIABLE} opens", lost, _FORMER)
    return []


def _mismatch(who: str, lost: str, fix: str) -> Exception:
    what = f"{who} none of the credentials in the database. These would be lost: {lost}."
    return refuse("salt-key-mismatch", ExitCode.SALT, what, fix)


def attempt(connection: Connection, schema: str, salt: str | None, master: str | None) -> Trial:
    """Try both keys on a sample of every place: fifty rows of each."""
    trial = Trial()
    present = {
        (row[0], row[1])
        for row in connection.execute(
            "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = %s", (schema,)
        )
    }
    for place in PLACES:
        if (place.table, place.column) not in present:
            continue
        for value, certain in _ciphertexts(connection, schema, place):
            if salt and opens(value, salt):
                trial.salt += 1
            elif master and opens(value, master):
                trial.master += 1
            elif certain:
                trial.lost[place.holds] = trial.lost.get(place.holds, 0) + 1
    return trial


def _ciphertexts(connection: Connection, schema: str, place: Place) -> Iterator[tuple[str, bool]]:
    """Yield what looks encrypted, and whether it certainly is."""
    query = sql.SQL("SELECT {0}::text FROM {1} WHERE {0} IS NOT NULL LIMIT {2}").format(
        sql.Identifier(place.column), sql.Identifier(schema, place.table), sql.Literal(_ROWS)
    )
    for (text,) in connection.execute(query):
        for value in filter(looks_encrypted, _strings(str(text))):
            yield value.removeprefix(_MARK), place.always or value.startswith((_MARK, _GCM))


def _strings(text: str) -> Iterator[str]:
    try:
        content = json.loads(text)
    except ValueError:
        content = text
    stack = [content]
    while stack:
        node = stack.pop()
        if isinstance(node, str):
            yield node
        elif isinstance(node, dict):
            stack.extend(node.values())
        elif isinstance(node, list):
            stack.extend(node)


def looks_encrypted(value: str) -> bool:
    """Tell whether ``value`` has the form of one of LiteLLM's two ciphertexts."""
    value = value.removeprefix(_MARK)
    return value.startswith(_GCM) or (bool(_WORD.fullmatch(value)) and len(_decoded(value)) >= _SHORTEST)


def opens(value: str, key: str) -> bool:
    """Tell whether ``key`` decrypts ``value``."""
    # Imported here: a database without encrypted rows needs neither.
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from nacl.exceptions import CryptoError
    from nacl.secret import SecretBox

    secret = hashlib.sha256(key.encode()).digest()
    try:
        if value.startswith(_GCM):
            sealed = _decoded(value.removeprefix(_GCM))
            AESGCM(secret).decrypt(sealed[:12], sealed[12:], None)
        else:
            SecretBox(secret).decrypt(_decoded(value))
    except (InvalidTag, CryptoError, ValueError, TypeError):
        return False
    return True


def _decoded(value: str) -> bytes:
    try:
        return base64.b64decode(value.replace("-", "+").replace("_", "/"), validate=True)
    except (binascii.Error, ValueError):
        return b""
