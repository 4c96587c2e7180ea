"""Packages that a setting or the config file asks for and that this image does not have.

LiteLLM notices when the feature is used, and often says so in its log alone. NEEDS is the one table of what asks for
which package, and of the image that has it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from slipway.config_file import section
from slipway.report import ExitCode, Finding
from slipway.settings import parse_switch

_CALLBACKS: Final = ("callbacks", "success_callback", "failure_callback", "audit_log_callbacks")


@dataclass(frozen=True, slots=True)
class Need:
    """A package and what asks for it.

    ``image`` is the smallest image that has it, None when none has. ``fatal`` is what the gateway cannot work without;
    everything else costs one feature. An option is (path of keys, value), a model the beginning of its name.
    """

    package: str
    image: Literal["full", "complete"] | None
    callbacks: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    options: tuple[tuple[str, str], ...] = ()
    models: tuple[str, ...] = ()
    fatal: bool = False


NEEDS: Final = (
    Need("polars", "complete", callbacks=("focus", "cloudzero", "mavvrik", "vantage")),
    Need("ddtrace", "complete", variables=("USE_DDTRACE", "USE_DDPROFILER"), fatal=True),
    Need("pyroscope-io", "complete", variables=("LITELLM_ENABLE_PYROSCOPE",)),
    Need("diskcache", "complete", options=(("litellm_settings.cache_params.type", "disk"),), fatal=True),
    Need("redisvl", "complete", options=(("litellm_settings.cache_params.type", "redis-semantic"),)),
    Need(
        "google-cloud-kms",
        "complete",
        options=(("general_settings.key_management_system", "google_kms"),),
        fatal=True,
    ),
    Need(
        "azure-keyvault-secrets",
        "complete",
        options=(("general_settings.key_management_system", "azure_key_vault"),),
    ),
    Need("google-cloud-speech", "complete", models=("vertex_ai/chirp",)),
    Need(
        "google-cloud-aiplatform",
        "complete",
        models=tuple(f"vertex_ai/{name}" for name in ("openai/", "gemma/", "text-", "chat-", "code")),
    ),
    # In full, not in slim; most callbacks of observability build on OpenTelemetry.
    Need(
        "opentelemetry-sdk",
        "full",
        callbacks=(
            *("otel", "agentops", "arize", "arize_phoenix", "langfuse_otel", "langtrace", "levo", "logfire", "signoz"),
            "weave_otel",
        ),
    ),
    Need(
        "opentelemetry-instrumentation-fastapi",
        "full",
        variables=("LITELLM_OTEL_V2",),
    ),
    Need("langfuse", "full", callbacks=("langfuse",)),
    # Without it LiteLLM runs pip, which the image does not have, and every request fails.
    Need("sentry-sdk", "full", callbacks=("sentry",), fatal=True),
    Need("azure-ai-contentsafety", "full", callbacks=("azure_content_safety",), fatal=True),
    Need(
        "google-auth",
        "full",
        callbacks=("gcs_bucket", "gcs_pubsub"),
        models=("vertex_ai/", "vertex_ai_beta/"),
    ),
    # In no image.
    Need("mlflow", None, callbacks=("mlflow",)),
    Need("lunary", None, callbacks=("lunary",)),
    Need("newrelic", None, callbacks=("newrelic",)),
    Need("slack-bolt", None, callbacks=("slack",)),
    Need("supabase", None, callbacks=("supabase",)),
    Need("traceloop-sdk", None, callbacks=("traceloop",)),
    Need("wandb", None, callbacks=("wandb",)),
)


def check(config: Mapping[str, object], environment: Mapping[str, str]) -> list[Finding]:
    """Report each package that is asked for and missing, once, with all that asks for it."""
    return [
        _finding(need, places)
        for need in NEEDS
        if (places := list(_places(need, config, environment))) and not is_installed(need.package)
    ]


def is_installed(package: str) -> bool:
    """Tell whether a package is installed, in the image or below /etc/slipway/site, without importing it."""
    # Imported here: a start that asks for none of them need not pay for it.
    from importlib.metadata import PackageNotFoundError, distribution

    try:
        distribution(package)
    except PackageNotFoundError:
        return False
    return True


def _places(need: Need, config: Mapping[str, object], environment: Mapping[str, str]) -> Iterator[str]:
    settings = section(config, "litellm_settings")
    for key in _CALLBACKS:
        named = settings.get(key)
        for callback in [named] if isinstance(named, str) else _items(named):
            if callback in need.callbacks:
                yield f"{callback} in litellm_settings.{key}"
    for name in need.variables:
        if parse_switch(environment.get(name, "")):
            yield f"the variable {name}"
    for place, value in need.options:
        node: object = config
        for key in place.split("."):
            node = node.get(key) if isinstance(node, Mapping) else None
        if node == value:
            yield f"{value} in {place}"
    for index, model in enumerate(_items(config.get("model_list"))):
        if _wants(need, model):
            yield f"model_list[{index}]"
            return


def _wants(need: Need, model: object) -> bool:
    parameters = model.get("litellm_params") if isinstance(model, Mapping) else None
    name = parameters.get("model") if isinstance(parameters, Mapping) else None
    return bool(need.models) and isinstance(name, str) and name.startswith(need.models)


def _items(value: object) -> Iterable[object]:
    return value if isinstance(value, list) else ()


def _finding(need: Need, places: list[str]) -> Finding:
    add = "add it with the builder image (slipway-add)"
    return Finding(
        "package-missing",
        "error" if need.fatal else "warning",
        f"This image has no {need.package}, which {' and '.join(places)} asks for.",
        f"Use the {need.image} image, which has it, or {add}." if need.image else f"No image has it: {add}.",
        ExitCode.CONFIG,
        "The gateway would not start, or answer no request." if need.fatal else "That feature does nothing.",
    )
