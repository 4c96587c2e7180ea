"""What the leak test gives a gateway, and the ways in which it ends by itself: a new one is a line of `PATHS`.

Every secret is made of the same mark and whose it is, so that one search finds all and a failure can say which it was
without showing it.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote

from tests.support import gateway

MARK = f"leak{secrets.token_hex(6)}"
CONFIG = ("--config", gateway.CONFIG_PATH)
# Databases of the test's PostgreSQL: one to migrate, one with all but the ledger, one with a table in the way, and one
# for the resolver of former releases. The role owns them.
READY, BARE, BROKEN, LEGACY = "ready", "bare", "broken", "legacy"
ROLE, READER = "app", "reader"


def secret(name: str) -> str:
    """The secret of a variable or a place, good in a URL as it is."""
    # LiteLLM wants its own to begin so, and knows others by it in what it logs: these look like nothing.
    return f"{'sk-' if name.startswith('LITELLM_') else ''}{MARK}.{name}.{MARK}"


def url(text: str) -> str:
    """A database's URL, with the password of the test in place of PASSWORD."""
    return text.replace("PASSWORD", quote(secret("DATABASE_URL"), ""))


def database(name: str, role: str = ROLE) -> str:
    return url(f"postgresql://{role}:PASSWORD@postgres:5432/{name}")


# What LiteLLM, its packages or the launcher read as a secret, each with its own; and one that only the config names.
_NAMES = (
    *("LITELLM_MASTER_KEY", "LITELLM_SALT_KEY", "LITELLM_LICENSE", "UI_PASSWORD", "DRAIN_ENDPOINT_TOKEN"),
    *("PROVIDER_KEY", "OPENAI_API_KEY", "ANTHROPIC_API_KEY", "AZURE_API_KEY", "GEMINI_API_KEY", "MY_UNUSUAL_NAME"),
    *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AZURE_CLIENT_SECRET", "HF_TOKEN"),
    *("REDIS_PASSWORD", "LANGFUSE_SECRET_KEY", "SMTP_PASSWORD", "GENERIC_CLIENT_SECRET", "GITHUB_TOKEN"),
)
SECRETS: Mapping[str, str] = {
    **{name: secret(name) for name in _NAMES},
    "SLACK_WEBHOOK_URL": f"https://hooks.invalid/services/{secret('SLACK_WEBHOOK_URL')}",
    "SENTRY_DSN": f"https://{secret('SENTRY_DSN')}@sentry.invalid/1",
    "HTTPS_PROXY": f"http://proxy:{secret('HTTPS_PROXY')}@proxy.invalid:3128",
    "OTEL_EXPORTER_OTLP_HEADERS": f"Authorization={secret('OTEL_EXPORTER_OTLP_HEADERS')}",
}
TEXT = f"""\
model_list:
  - model_name: mock
    litellm_params: {{model: openai/mock, api_key: {secret("config-model")}, mock_response: mocked answer}}
  - model_name: provider/*
    litellm_params: {{model: openai/*, api_base: "http://provider:8080/v1", api_key: os.environ/MY_UNUSUAL_NAME}}
environment_variables:
  MY_OTHER_KEY: {secret("config-environment")}
"""
_BAD_STRATEGY = f"{TEXT}router_settings: {{routing_strategy: no-such-strategy}}\n"
_BAD_MODEL = TEXT.replace("openai/mock", "no-such-provider/mock")
_BAD_CALLBACK = f"{TEXT}litellm_settings: {{callbacks: [no_such_module.handler]}}\n"


@dataclass(frozen=True)
class Path:
    """A container that ends by itself, with `code` unless that is None, after its output said `says`.

    `env` comes beside the secrets, and wins; `files` are further files of secrets, by the variable that names each.
    """

    says: str
    code: int | None
    args: Sequence[str] = CONFIG
    env: Mapping[str, str] = field(default_factory=dict)
    config: str = TEXT
    files: Mapping[str, str | bytes] = field(default_factory=dict)


def _database(id: str, text: str, code: int = 65) -> Path:
    return Path(f"[database-{id}]", code, env={"DATABASE_URL": url(text)})


def _setting(name: str, id: str = "setting-invalid", code: int = 65, **others: str) -> Path:
    """A variable of ours that holds a secret in the wrong place."""
    return Path(f"[{id}]", code, env={name: secret("misplaced"), **others})


_DOWN = {"DATABASE_URL": url("postgresql://app:PASSWORD@nowhere:5432/x"), "SLIPWAY_DATABASE_WAIT_SECONDS": "1"}
_WRONG = {"DATABASE_URL": url("postgresql://postgres:PASSWORD@postgres:5432/x"), "SLIPWAY_DATABASE_WAIT_SECONDS": "1"}
_LOUD = {"LITELLM_LOG": "DEBUG", "DETAILED_DEBUG": "true", "LOG_QUERIES": "y"}
PATHS: Mapping[str, Path] = {
    # Each verb.
    "version": Path("migrations up to", 0, args=("version",)),
    "help": Path("usage:", 0, args=("--help",)),
    "health check of nothing": Path("[gateway-silent]", 1, args=("healthcheck",)),
    "drain of nothing": Path("no supervisor", 1, args=("drain",)),
    "reload of nothing": Path("no supervisor", 1, args=("reload",)),
    "check": Path('"ok": true', 0, args=("check", *CONFIG), env={"DATABASE_URL": database(READY)}),
    "check for a person": Path(
        "slipway: ", 0, args=("check", "--format", "text", *CONFIG), env={"DATABASE_URL": database(READY)}
    ),
    "check offline": Path('"ok": true', 0, args=("check", "--offline", *CONFIG), env=_DOWN),
    "check, database down": Path("database-unreachable", 68, args=("check", *CONFIG), env=_DOWN),
    "explain": Path("Settings", 0, args=("explain", *CONFIG), env=_DOWN),
    "explain as JSON": Path('"settings"', 0, args=("explain", "--format", "json", *CONFIG), env=_DOWN),
    "explain, everything changed": Path(
        "NO_PROXY", 0, args=("explain", *CONFIG), env={"NO_PROXY": f"http://u:{secret('NO_PROXY')}@h", "DEBUG": "on"}
    ),
    "dry run": Path("are pending", 0, args=("migrate", "--dry-run"), env={"DATABASE_URL": database(READY)}),
    "migrate": Path("this image's schema", 0, args=("migrate",), env={"DATABASE_URL": database(BARE), **_LOUD}),
    "only migrate": Path("schema", 0, env={"DATABASE_URL": database(READY), "SLIPWAY_MIGRATE": "only"}),
    "salt check": Path("is encrypted", 0, args=("salt", "check"), env={"DATABASE_URL": database(READY), **_LOUD}),
    "salt rotate": Path(
        "nothing is encrypted with the old key",
        0,
        args=("salt", "rotate", "--from-file", "/srv/named/OLD_SALT", "--to-file", "/srv/named/NEW_SALT"),
        env={"DATABASE_URL": database(READY)},
        files={name: secret(name) for name in ("OLD_SALT", "NEW_SALT")},
    ),
    "salt rotate to a key in the place of a file": Path(
        "[salt-key-file]",
        66,
        args=("salt", "rotate", "--from-file", "/srv/named/OLD_SALT", "--to-file", "/srv/named/GONE"),
        env={"DATABASE_URL": database(READY)},
        files={"OLD_SALT": secret("OLD_SALT")},
    ),
    "LiteLLM's own check": Path("", None, args=("--validate_config", *CONFIG)),
    # The database.
    "URL of another kind": _database("url-scheme", "mysql://app:PASSWORD@postgres/x"),
    "password not encoded": _database("url-encoding", "postgresql://app:PASSWORD@PASSWORD@postgres/x"),
    "password with a slash": _database("url-encoding", "postgresql://app:PASS/PASSWORD@postgres/x"),
    "URL with a bracket": _database("url-encoding", "postgresql://app:PASSWORD@[postgres/x"),
    "URL with a blank": _database("url-encoding", "postgresql://app: PASSWORD@postgres/x"),
    "bad port": _database("url-port", "postgresql://app:PASSWORD@postgres:x1/x"),
    "several hosts": _database("url-hosts", "postgresql://app:PASSWORD@one,two/x"),
    "no database in the URL": _database("url-name", "postgresql://app:PASSWORD@postgres"),
    "unknown sslmode": _database("url-sslmode", "postgresql://app:PASSWORD@postgres/x?sslmode=perhaps"),
    "two databases": Path(
        "[database-urls-differ]", 65, env={"DATABASE_URL": database(READY), "DIRECT_URL": database(BROKEN)}
    ),
    "database down": Path("[database-unreachable]", 68, env={**_DOWN, **_LOUD}),
    "wrong password": Path("[database-unreachable]", 68, env={**_WRONG, **_LOUD}),
    "no such database": Path(
        "[database-unreachable]", 68, env={"DATABASE_URL": database("none"), "SLIPWAY_DATABASE_WAIT_SECONDS": "1"}
    ),
    "password by its own variable": Path(
        "[database-unreachable]",
        68,
        env={
            "DATABASE_HOST": "postgres",
            "DATABASE_USERNAME": "postgres",
            "DATABASE_NAME": "x",
            "DATABASE_PASSWORD": secret("DATABASE_PASSWORD"),
            "SLIPWAY_DATABASE_WAIT_SECONDS": "1",
        },
    ),
    "failed migration": Path(
        "[migration-failed]", 69, args=("migrate",), env={"DATABASE_URL": database(BROKEN), **_LOUD}
    ),
    "failed migration, as ever": Path(
        "", None, args=("migrate", "--use_legacy_migration_resolver"), env={"DATABASE_URL": database(LEGACY), **_LOUD}
    ),
    "no right to migrate": Path("[migration-rights]", 69, env={"DATABASE_URL": database(BROKEN, READER)}),
    "resolving what has not failed": Path(
        "[migration-not-failed]", 64, args=("migrate", "--applied", "x"), env={"DATABASE_URL": database(READY)}
    ),
    # The configuration.
    "no YAML": Path("[config-yaml]", 65, config=f"a:\n  - b: x\n   c: {secret('config-yaml')}\n"),
    "YAML of another shape": Path("[config-shape]", 65, config=f"model_list: {secret('config-shape')}\n"),
    "YAML of no shape": Path("[config-shape]", 65, config=f"- {secret('config-shape')}\n"),
    "no config": Path("[config-missing]", 65, args=("--config", "/app/none.yaml")),
    "word that LiteLLM does not know": Path("[config-choice]", 65, config=_BAD_STRATEGY, env=_LOUD),
    "model refused by LiteLLM": Path("", None, args=("--validate_config", *CONFIG), config=_BAD_MODEL, env=_LOUD),
    "callback that is not there": Path("no_such_module", None, config=_BAD_CALLBACK, env=_LOUD),
    # A secret in the wrong place.
    "number": _setting("NUM_WORKERS"),
    "choice": _setting("SLIPWAY_SERVER"),
    "switch": _setting("SLIPWAY_WATCH"),
    "logs as JSON": Path(
        '"setting-invalid"', 65, env={"SLIPWAY_SETTLE_SECONDS": secret("misplaced"), "JSON_LOGS": "true"}
    ),
    "gunicorn's options": Path(
        "[gunicorn-arguments]",
        65,
        env={"GUNICORN_CMD_ARGS": f"--timeout {secret('misplaced')}", "SLIPWAY_SERVER": "gunicorn"},
    ),
    "hook": _setting("LITELLM_WORKER_STARTUP_HOOKS", "hook-format", 72),
    "path prefix": _setting("SERVER_ROOT_PATH", "root-path-invalid"),
    "acceleration": _setting("FAST_LITELLM_RUST_ROUTING"),
    "salt key as a path": Path("[secret-file-missing]", 66, env={"LITELLM_SALT_KEY_FILE": secret("misplaced")}),
    # Files of secrets.
    "file and variable": Path("[secret-twice]", 66, env={"A_KEY": secret("A_KEY")}, files={"A_KEY": secret("twice")}),
    "file with a blank": Path("[secret-file-content]", 66, files={"A_KEY": f"{secret('A_KEY')} \n"}),
    "file of another encoding": Path("[secret-file-content]", 66, files={"A_KEY": secret("A_KEY").encode("utf-16")}),
    "file too large": Path("[secret-file-unreadable]", 66, files={"A_KEY": secret("A_KEY") * 5000}),
    "content for a path": Path("[secret-for-path]", 66, files={"KUBECONFIG": secret("KUBECONFIG")}),
}
