"""Variables that mean a path, whatever their names look like: no file takes their place, and none is read for them.

A name that ends in ``_FILE`` usually asks for a file's content (``secret_files``). These are read by somebody as the
paths that they are; a test compares them with the packages of the image.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_AWS: Final = "botocore reads the file itself, each time it needs credentials"
_WIF: Final = "LiteLLM reads the identity token itself, each time it exchanges it"
_TLS: Final = "whoever opens a TLS connection reads the certificates"
_DATADOG: Final = "ddtrace, in the complete image, opens the file"
_LIBPQ: Final = "libpq reads the file when it connects"

# Names that end in _FILE, each with the reader that takes it for a path.
FILES: Final[Mapping[str, str]] = {
    "SLIPWAY_METRICS_TOKEN_FILE": "the supervisor reads the token at each scrape",
    "ANTHROPIC_IDENTITY_TOKEN_FILE": _WIF,
    "OPENAI_IDENTITY_TOKEN_FILE": _WIF,
    "CHATGPT_AUTH_FILE": "LiteLLM writes what a login gave it there, and reads it again",
    "XAI_OAUTH_AUTH_FILE": "LiteLLM writes what a login gave it there, and reads it again",
    "GITHUB_COPILOT_ACCESS_TOKEN_FILE": "the name of a file that LiteLLM writes below GITHUB_COPILOT_TOKEN_DIR",
    "GITHUB_COPILOT_API_KEY_FILE": "the name of a file that LiteLLM writes below GITHUB_COPILOT_TOKEN_DIR",
    "OCI_KEY_FILE": "LiteLLM reads the key when it signs a request",
    "LITELLM_LOG_FILE": "LiteLLM's documentation has it as the path of a log; nothing reads it",
    "LITELLM_RUST_ALERT_FILE": "fast-litellm appends alerts to the file",
    "AWS_CONFIG_FILE": _AWS,
    "AWS_SHARED_CREDENTIALS_FILE": _AWS,
    "AWS_CREDENTIAL_FILE": _AWS,
    "AWS_WEB_IDENTITY_TOKEN_FILE": _AWS,
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": _AWS,
    "AZURE_FEDERATED_TOKEN_FILE": "azure-identity and LiteLLM read the token when they exchange it",
    "AZURE_KUBERNETES_CA_FILE": "azure-identity reads the certificates of a token proxy",
    "GOOGLE_EXTERNAL_ACCOUNT_OUTPUT_FILE": "google-auth tells the program that it asks for tokens where to write",
    "CLIENT_CERT_FILE": "sentry-sdk presents the certificate",
    "CLIENT_KEY_FILE": "sentry-sdk presents the certificate of this key",
    "SSL_CERT_FILE": _TLS,
    "CTLOG_FILE": "OpenSSL's list of certificate transparency logs",
    "COMERR_DEBUG_FILE": "MIT Kerberos writes what it debugs there",
    "UVICORN_ENV_FILE": "uvicorn's option --env-file",
    "GRANIAN_PID_FILE": "granian's option --pid-file",
    "DD_TRACE_LOG_FILE": _DATADOG,
    "DD_SPAN_SAMPLING_RULES_FILE": _DATADOG,
    "DD_DYNAMIC_INSTRUMENTATION_PROBE_FILE": _DATADOG,
}
# Names that say nothing of a file, and mean one: a file's content in them would be taken for a path.
OTHERS: Final[Mapping[str, str]] = {
    "GOOGLE_APPLICATION_CREDENTIALS": "google-auth reads the file itself",
    "REQUESTS_CA_BUNDLE": _TLS,
    "CURL_CA_BUNDLE": _TLS,
    "SSL_CERT_DIR": _TLS,
    "SSL_CERTIFICATE": _TLS,
    "SSL_KEYFILE_PATH": "the server reads the key",
    "SSL_CERTFILE_PATH": "the server reads the certificate",
    "NODE_EXTRA_CA_CERTS": "the query engine's Node reads the certificates",
    "PGPASSFILE": _LIBPQ,
    "PGSERVICEFILE": _LIBPQ,
    "PGSSLCERT": _LIBPQ,
    "PGSSLKEY": _LIBPQ,
    "PGSSLROOTCERT": _LIBPQ,
    "PGSSLCRL": _LIBPQ,
    "DATABASE_SSLROOTCERT": "the database's clients read the certificates",
    "AZURE_CLIENT_CERTIFICATE_PATH": "azure-identity reads the certificate",
    "CONFIG_FILE_PATH": "LiteLLM reads its configuration",
    "LITELLM_CONFIG": "LiteLLM reads its configuration",
    "KUBECONFIG": "clients of Kubernetes read it",
}


def reader(name: str) -> str | None:
    """Say who takes the variable ``name`` for a path, None when nobody is known to."""
    return FILES.get(name) or OTHERS.get(name)
