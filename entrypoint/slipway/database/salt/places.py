"""The columns in which LiteLLM stores encrypted text, and what else may stand there."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from slipway.database.connection import Connection
from slipway.database.salt.ciphers import Sealed


class Certain(Enum):
    """Which strings of a place are encrypted for certain if they look it; LiteLLM reads the others as plain text too.

    A string that is marked, or has the newer cipher's prefix, is certainly encrypted everywhere.
    """

    WHOLE = "the column is one ciphertext"
    TOP = "the values of the column's object are; what is nested in them is stored as it came"
    DECLARED = "only those that say so"


@dataclass(frozen=True, slots=True)
class Place:
    """A column with encrypted text. ``many``: most of many rows hold none, so that the database shall pick them."""

    table: str
    key: str
    column: str
    holds: str
    certain: Certain = Certain.DECLARED
    many: bool = False

    def is_certain(self, sealed: Sealed, depth: int) -> bool:
        """Tell whether a string at this depth is certainly encrypted, by whatever key."""
        if sealed.declared:
            return True
        deepest = {Certain.WHOLE: 0, Certain.TOP: 1, Certain.DECLARED: -1}[self.certain]
        return sealed.likely and depth <= deepest


# The columns of litellm/proxy/db/master_key_migration.py; a test compares them with the installed release. What is
# certain: model_management_endpoints.py and credential_endpoints encrypt each string of their object; of MCP servers,
# settings and search tools earlier releases stored some as they were.
PLACES: Final = (
    Place("LiteLLM_ProxyModelTable", "model_id", "litellm_params", "models", Certain.TOP),
    Place("LiteLLM_CredentialsTable", "credential_id", "credential_values", "credentials", Certain.TOP),
    Place("LiteLLM_Config", "param_name", "param_value", "settings"),
    Place("LiteLLM_GuardrailsTable", "guardrail_id", "litellm_params", "guardrails"),
    Place("LiteLLM_SSOConfig", "id", "sso_settings", "single sign-on settings"),
    Place("LiteLLM_CacheConfig", "id", "cache_settings", "cache settings"),
    Place("LiteLLM_ConfigOverrides", "config_type", "config_value", "settings"),
    Place("LiteLLM_MCPServerTable", "server_id", "credentials", "MCP servers"),
    Place("LiteLLM_MCPServerTable", "server_id", "static_headers", "MCP servers"),
    Place("LiteLLM_MCPServerTable", "server_id", "env_vars", "MCP servers"),
    Place("LiteLLM_MCPServerTable", "server_id", "env", "MCP servers"),
    Place("LiteLLM_MCPServerOAuthClient", "server_id", "credentials", "MCP servers"),
    Place("LiteLLM_MCPUserCredentials", "id", "credential_b64", "MCP users' credentials", Certain.WHOLE),
    Place("LiteLLM_MCPUserEnvVars", "id", "values_b64", "MCP users' credentials", Certain.WHOLE),
    Place("LiteLLM_SSOIdentityAssertion", "user_id", "assertion_b64", "identity assertions", Certain.WHOLE),
    Place("LiteLLM_SearchToolsTable", "search_tool_id", "litellm_params", "search tools"),
    Place("LiteLLM_TeamTable", "team_id", "metadata", "teams' callbacks", many=True),
    Place("LiteLLM_VerificationToken", "token", "metadata", "keys' callbacks", many=True),
    Place("LiteLLM_UserTable", "user_id", "metadata", "users' callbacks", many=True),
    Place("LiteLLM_DeletedTeamTable", "id", "metadata", "deleted teams", many=True),
    Place("LiteLLM_DeletedVerificationToken", "id", "metadata", "deleted keys", many=True),
)


# information_schema leaves out what the role has no right to: that has to be refused, not passed over.
_COLUMNS: Final = """
SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod)
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %s AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped
  AND (%s OR has_column_privilege(c.oid, a.attnum, 'SELECT'))
"""


def present(connection: Connection, schema: str, *, readable: bool = False) -> dict[Place, str]:
    """Return the places that the database has, with the type of each column; ``readable``: those the role may read.

    Raises psycopg.Error.
    """
    rows = connection.execute(_COLUMNS, (schema, not readable))
    types = {(table, column): str(kind) for table, column, kind in rows}
    return {place: types[place.table, place.column] for place in PLACES if (place.table, place.column) in types}
