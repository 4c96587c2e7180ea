"""The table of broken setups: how each is started, and how it must be refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tests.support import gateway

# In every kind of secret; no output may hold it.
SENTINEL = "sentinel-that-no-output-may-hold"
CONFIG = ("--config", gateway.CONFIG_PATH)


@dataclass(frozen=True)
class Case:
    """One broken setup: how it is started, the exit code, the finding's id, and what its lines must name."""

    code: int
    id: str
    named: Sequence[str]
    args: Sequence[str] = CONFIG
    env: Mapping[str, str] = field(default_factory=dict)
    config: str | None = gateway.CONFIG
    more: Mapping[str, object] = field(default_factory=dict)


def setting(name: str, value: str, *named: str) -> Case:
    """A variable whose value is none."""
    return Case(65, "setting-invalid", [name, *named], env={name: value})


def database(id: str, url: str, *named: str, code: int = 65) -> Case:
    """A database's URL that cannot work."""
    return Case(code, id, named or ["DATABASE_URL"], env={"DATABASE_URL": url})


# Without a variable that names a database: `""` counts as unset.
PARTS = {"DATABASE_URL": "", "DATABASE_HOST": "trap"}
NONE = {"DATABASE_URL": ""}
BAD_YAML = f"model_list:\n  - model_name: x\n   api_key: {SENTINEL}\n"
TLS = ("--ssl_keyfile_path", "/etc/hostname", "--ssl_certfile_path", "/etc/hostname")
CASES = {
    "config-missing": Case(65, "config-missing", ["--config"], args=("--config", "/app/absent.yaml")),
    "config-missing-by-variable": Case(
        65, "config-missing", ["CONFIG_FILE_PATH"], args=(), env={"CONFIG_FILE_PATH": "/app/absent.yaml"}
    ),
    "config-missing-by-other-variable": Case(
        65, "config-missing", ["LITELLM_CONFIG"], args=(), env={"LITELLM_CONFIG": "/app/absent.yaml"}
    ),
    "config-invalid-yaml": Case(65, "config-yaml", ["--config", "line 3"], config=BAD_YAML),
    "config-invalid-date": Case(65, "config-yaml", ["--config"], config="litellm_settings: {a: 2026-13-45}\n"),
    "config-not-a-mapping": Case(65, "config-shape", ["--config"], config=f"- {SENTINEL}\n"),
    "config-section-of-wrong-shape": Case(65, "config-shape", ["model_list"], config=f"model_list: {SENTINEL}\n"),
    "config-model-without-parameters": Case(
        65, "config-shape", ["model_list[0]", "litellm_params"], config="model_list: [{model_name: x}]\n"
    ),
    "config-of-comments": Case(65, "config-empty", ["--config"], config="# model_list:\n"),
    "config-too-large": Case(65, "config-size", ["--config"], config=f"{gateway.CONFIG}# {'x' * 8_000_000}\n"),
    "config-is-a-directory": Case(65, "config-directory", ["directory"], args=("--config", "/app")),
    "config-is-a-device": Case(65, "config-unreadable", ["--config"], args=("--config", "/dev/null")),
    "config-extension": Case(65, "config-extension", [".yaml"], args=("--config", "/etc/hostname")),
    "server-unknown": setting("SLIPWAY_SERVER", "apache", "uvicorn"),
    "workers-none": Case(65, "setting-invalid", ["--num_workers"], args=(*CONFIG, "--num_workers", "0")),
    "workers-none-by-variable": setting("NUM_WORKERS", "0"),
    "workers-too-many": Case(65, "setting-invalid", ["--num_workers"], args=(*CONFIG, "--num_workers", "1000000000")),
    "workers-not-a-number": setting("NUM_WORKERS", SENTINEL),
    "port-out-of-range": Case(65, "setting-invalid", ["--port"], args=(*CONFIG, "--port", "65536")),
    "settle-negative": setting("SLIPWAY_SETTLE_SECONDS", "-1"),
    "settle-not-a-number": setting("SLIPWAY_SETTLE_SECONDS", "5s"),
    "migrate-unknown": setting("SLIPWAY_MIGRATE", "maybe", "require"),
    "switch-unclear": setting("SLIPWAY_WATCH", "perhaps", "on or off"),
    "log-level-unknown": setting("LITELLM_LOG", "loud", "debug"),
    "collector-of-two-numbers": setting("PYTHON_GC_THRESHOLD", "1000,10"),
    "keep-alive-not-a-number": setting("KEEPALIVE_TIMEOUT", "long"),
    "management-port-zero": setting("SLIPWAY_MANAGEMENT_PORT", "0"),
    "metrics-for-whom": setting("SLIPWAY_METRICS_AUTH", "basic", "token"),
    "acceleration-unknown": setting("SLIPWAY_ACCELERATION", "sometimes"),
    "request-timeout-zero": setting("REQUEST_TIMEOUT_SECONDS", "0"),
    "stop-too-short": Case(
        65,
        "stop-grace",
        ["SLIPWAY_STOP_GRACE_SECONDS", "REQUEST_TIMEOUT_SECONDS"],
        env={"SLIPWAY_STOP_GRACE_SECONDS": "30"},
    ),
    "tls-key-without-certificate": Case(
        65, "tls-half", ["SSL_CERTFILE_PATH"], args=(*CONFIG, "--ssl_keyfile_path", "/etc/hostname")
    ),
    "tls-certificate-without-key": Case(
        65, "tls-half", ["SSL_KEYFILE_PATH"], env={"SSL_CERTFILE_PATH": "/etc/hostname"}
    ),
    "tls-ciphers-alone": Case(65, "tls-half", ["TLS"], env={"SLIPWAY_SSL_CIPHERS": "HIGH"}),
    "tls-files-missing": Case(
        65,
        "tls-unreadable",
        ["SSL_KEYFILE_PATH"],
        env={"SSL_KEYFILE_PATH": "/absent", "SSL_CERTFILE_PATH": "/absent"},
    ),
    "tls-not-pem": Case(65, "tls-invalid", ["SSL_KEYFILE_PATH", "SSL_CERTFILE_PATH"], args=(*CONFIG, *TLS)),
    "flag-unknown": Case(64, "unknown-flag", ["--num_worker", "--num_workers"], args=(*CONFIG, "--num_worker", "2")),
    "flag-without-value": Case(64, "usage", ["--port"], args=(*CONFIG, "--port")),
    "two-servers": Case(
        64, "two-servers", ["--run_gunicorn", "--run_granian"], args=(*CONFIG, "--run_gunicorn", "--run_granian")
    ),
    "schema-pushed": Case(64, "db-push", ["--use_prisma_db_push"], args=(*CONFIG, "--use_prisma_db_push")),
    "arguments-of-a-healthcheck": Case(64, "unknown-argument", ["healthcheck"], args=("healthcheck", "now")),
    "format-unknown": Case(64, "format", ["--format"], args=("explain", "--format", "xml")),
    "nothing-to-migrate": Case(65, "database-missing", ["DATABASE_URL"], args=("migrate",), env=NONE),
    "granian-cannot-recycle-by-requests": Case(
        65,
        "server-cannot",
        ["granian", "MAX_REQUESTS_BEFORE_RESTART"],
        args=(*CONFIG, "--run_granian"),
        env={"MAX_REQUESTS_BEFORE_RESTART": "9"},
    ),
    "hypercorn-cannot-limit-concurrency": Case(
        65,
        "server-cannot",
        ["hypercorn", "LIMIT_CONCURRENCY"],
        args=(*CONFIG, "--run_hypercorn"),
        env={"LIMIT_CONCURRENCY": "9"},
    ),
    "gunicorn-refuses-its-variable": Case(
        65,
        "gunicorn-arguments",
        ["GUNICORN_CMD_ARGS"],
        env={"GUNICORN_CMD_ARGS": f"--{SENTINEL}", "SLIPWAY_SERVER": "gunicorn"},
    ),
    "jitter-alone": Case(
        65, "jitter-alone", ["MAX_REQUESTS_BEFORE_RESTART"], env={"MAX_REQUESTS_BEFORE_RESTART_JITTER": "9"}
    ),
    "watch-without-supervisor": Case(
        65,
        "supervisor-needed",
        ["SLIPWAY_WATCH", "SLIPWAY_SUPERVISOR"],
        env={"SLIPWAY_WATCH": "on", "SLIPWAY_SUPERVISOR": "off"},
    ),
    "metrics-token-missing": Case(
        66, "metrics-token", ["SLIPWAY_METRICS_TOKEN_FILE"], env={"SLIPWAY_METRICS_TOKEN_FILE": "/absent"}
    ),
    "metrics-token-short": Case(
        66, "metrics-token", ["SLIPWAY_METRICS_TOKEN_FILE"], env={"SLIPWAY_METRICS_TOKEN_FILE": "/etc/hostname"}
    ),
    "metrics-process-without-metrics": Case(
        65,
        "metrics-port-alone",
        ["PROMETHEUS_METRICS_PORT", "SLIPWAY_SHARED_METRICS"],
        env={"PROMETHEUS_METRICS_PORT": "9090", "SLIPWAY_SHARED_METRICS": "off"},
    ),
    "metrics-directory-not-writable": Case(
        67, "directory-not-writable", ["PROMETHEUS_MULTIPROC_DIR"], env={"PROMETHEUS_MULTIPROC_DIR": "/etc"}
    ),
    "ports-the-same": Case(65, "port-twice", ["SLIPWAY_MANAGEMENT_PORT"], env={"PORT": "4001"}),
    "address-is-none": Case(65, "address-invalid", ["HOST"], env={"HOST": "999.1.1.1"}),
    "address-of-another-host": Case(65, "address-invalid", ["HOST"], env={"HOST": "192.0.2.1"}),
    "path-prefix-without-slash": Case(65, "root-path-invalid", ["SERVER_ROOT_PATH"], env={"SERVER_ROOT_PATH": "llm"}),
    "hook-is-none": Case(
        72, "hook-format", ["LITELLM_WORKER_STARTUP_HOOKS"], env={"LITELLM_WORKER_STARTUP_HOOKS": "init"}
    ),
    "hook-module-missing": Case(
        72, "hook-module-missing", ["no_such_module"], env={"LITELLM_WORKER_STARTUP_HOOKS": "no_such_module:init"}
    ),
    "package-missing": Case(
        65,
        "package-missing",
        ["diskcache", "cache_params"],
        config=f"{gateway.CONFIG}litellm_settings: {{cache: true, cache_params: {{type: disk}}}}\n",
    ),
    "database-of-another-kind": database("database-url-scheme", f"mysql://u:{SENTINEL}@trap/gateway"),
    "database-without-a-name": database("database-url-name", f"postgresql://u:{SENTINEL}@trap/"),
    "database-port-is-none": database("database-url-port", f"postgresql://u:{SENTINEL}@trap:none/gateway"),
    "database-on-two-hosts": database("database-url-hosts", f"postgresql://u:{SENTINEL}@trap,trap/gateway"),
    "database-tls-unknown": database(
        "database-url-sslmode", f"postgresql://u:{SENTINEL}@trap/gateway?sslmode=sometimes"
    ),
    "database-password-not-encoded": database("database-url-encoding", f"postgresql://u:{SENTINEL}/[@trap/gateway"),
    "database-named-by-nothing": Case(
        66,
        "database-url-unset",
        ["GATEWAY_DATABASE", "database_url"],
        env=NONE,
        config=f"{gateway.CONFIG}general_settings: {{database_url: os.environ/GATEWAY_DATABASE}}\n",
    ),
    "database-half-named": Case(65, "database-parts-missing", ["DATABASE_USERNAME", "DATABASE_NAME"], env=PARTS),
    "salt-key-blank": Case(66, "salt-key-blank", ["LITELLM_SALT_KEY"], env={"LITELLM_SALT_KEY": " "}),
    "master-key-blank": Case(66, "master-key-missing", ["LITELLM_MASTER_KEY"], env={"LITELLM_MASTER_KEY": "  "}),
    "master-key-empty": Case(66, "master-key-missing", ["LITELLM_MASTER_KEY"], env={"LITELLM_MASTER_KEY": ""}),
    "master-key-well-known": Case(
        66, "master-key-well-known", ["LITELLM_MASTER_KEY"], env={"LITELLM_MASTER_KEY": "sk-1234"}
    ),
    "master-key-well-known-in-config": Case(
        66,
        "master-key-well-known",
        ["master_key"],
        env={"LITELLM_MASTER_KEY": ""},
        config="general_settings: {master_key: sk-1234}\n",
    ),
    "master-key-named-by-nothing": Case(
        66,
        "master-key-missing",
        ["GATEWAY_KEY"],
        env={"LITELLM_MASTER_KEY": ""},
        config="general_settings: {master_key: os.environ/GATEWAY_KEY}\n",
    ),
    "secret-in-a-missing-file": Case(
        66, "secret-file-missing", ["AZURE_API_KEY_FILE"], env={"AZURE_API_KEY_FILE": "/absent"}
    ),
    "secret-twice": Case(
        66, "secret-twice", ["OPENAI_API_KEY", "OPENAI_API_KEY_FILE"], env={"OPENAI_API_KEY_FILE": "/etc/hostname"}
    ),
    "secrets-in-a-missing-directory": Case(
        66, "secrets-directory", ["SLIPWAY_SECRETS_DIR"], env={"SLIPWAY_SECRETS_DIR": "/absent"}
    ),
    "callback-unknown": Case(
        65,
        "config-callback",
        ["callbacks[0]", "prometheus"],
        config=f"{gateway.CONFIG}litellm_settings: {{callbacks: [promethues]}}\n",
    ),
    "routing-unknown": Case(
        65,
        "config-choice",
        ["simple-shuffle"],
        config=f"{gateway.CONFIG}router_settings: {{routing_strategy: simple_shuffle}}\n",
    ),
    "memory-too-little": Case(
        74, "memory-budget", ["256 MB", "NUM_WORKERS"], env={"NUM_WORKERS": "2"}, more={"memory": 256_000_000}
    ),
    "nothing-writable": Case(67, "directory-not-writable", ["SLIPWAY_RUNTIME_DIR"], more={"tmpfs": {}, "ipc": "none"}),
    "runtime-directory-not-writable": Case(
        67, "directory-not-writable", ["SLIPWAY_RUNTIME_DIR"], env={"SLIPWAY_RUNTIME_DIR": "/etc"}
    ),
    "temporary-directory-not-writable": Case(67, "directory-not-writable", ["TMPDIR"], env={"TMPDIR": "/etc"}),
    "root": Case(64, "running-as-root", ["SLIPWAY_ALLOW_ROOT"], more={"user": "0"}),
    "root-without-hardening": Case(
        64, "running-as-root", ["SLIPWAY_ALLOW_ROOT"], more={"user": "0:0", "read_only": False, "tmpfs": {}}
    ),
}
