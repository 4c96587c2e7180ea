"""Single sign-on, tokens of others, and secret managers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from slipway.egress import clouds
from slipway.egress.reach import Reach

# Of proxy/management_endpoints/ui_sso.py; a person's browser opens the page to log in, and the gateway asks these.
_GENERIC: Final = ("GENERIC_TOKEN_ENDPOINT", "GENERIC_USERINFO_ENDPOINT")
_MICROSOFT: Final = ("MICROSOFT_TOKEN_ENDPOINT", "MICROSOFT_USERINFO_ENDPOINT", "MICROSOFT_GRAPH_ENDPOINT")
_GOOGLE: Final = ("accounts.google.com", clouds.GOOGLE, "openidconnect.googleapis.com")
# URLs that are asked whenever they are set (proxy/auth); the first may be several with commas between them.
_URLS: Final = ("JWT_PUBLIC_KEY_URL", "OAUTH_TOKEN_INFO_ENDPOINT", "OAUTH_USER_INFO_ENDPOINT", "SAML_IDP_METADATA_URL")


def add(reach: Reach) -> None:
    """Note who is asked for identities and secrets."""
    for name in _URLS:
        for url in filter(None, (part.strip() for part in reach.variable(name).split(","))):
            reach.address("sso", f"variable {name}", url)
    if reach.variable("GENERIC_CLIENT_ID"):
        _all(reach, _GENERIC)
    if reach.variable("GOOGLE_CLIENT_ID"):
        reach.add("sso", "variable GOOGLE_CLIENT_ID", *_GOOGLE)
    if reach.variable("MICROSOFT_CLIENT_ID"):
        if not _all(reach, _MICROSOFT[:2]):
            reach.add("sso", "variable MICROSOFT_CLIENT_ID", clouds.MICROSOFT)
        if not _all(reach, _MICROSOFT[2:]):
            reach.add("sso", "variable MICROSOFT_CLIENT_ID", "graph.microsoft.com")
    general = reach.section("general_settings")
    jwt = general.get("litellm_jwtauth")
    for key in ("oidc_userinfo_endpoint", "public_key_url"):
        place = f"general_settings.litellm_jwtauth.{key}"
        with reach.of(place):
            if isinstance(jwt, Mapping) and (url := reach.first(jwt, key)):
                reach.address("sso", place, url)
    place = "general_settings.key_management_system"
    with reach.of(place):
        if system := reach.first(general, "key_management_system"):
            _manager(reach, system, place)
    if reach.variable("USE_AWS_KMS") == "True":
        _aws("kms")(reach, "variable USE_AWS_KMS")


def _all(reach: Reach, names: tuple[str, ...]) -> bool:
    for name in names:
        if reach.variable(name):
            reach.address("sso", f"variable {name}", reach.variable(name))
    return any(map(reach.variable, names))


def _manager(reach: Reach, system: str, place: str) -> None:
    if system == "local":
        return
    if system not in _MANAGERS:
        reach.unknown(place, "a secret manager of your own asks whatever its code asks", "Add its host by hand.")
        return
    _MANAGERS[system](reach, f"{place}: {system}")
    reach.unknown(
        f"{place}: {system}",
        "variables that are not set here may come from it, and change where the gateway connects",
        "Set those that hold addresses when you make this list.",
    )


def _aws(service: str) -> Callable[[Reach, str], None]:
    def note(reach: Reach, why: str) -> None:
        written = reach.section("general_settings").get("key_management_settings")
        settings = written if isinstance(written, Mapping) else {}
        region = clouds.aws_region(reach, settings)
        clouds.aws_host(reach, f"{service}.{{}}", region, "secrets", why)
        clouds.aws_login(reach, settings, region, why, "secrets")

    return note


def _google(host: str) -> Callable[[Reach, str], None]:
    def note(reach: Reach, why: str) -> None:
        reach.add("secrets", why, host, clouds.GOOGLE)

    return note


def _azure(reach: Reach, why: str) -> None:
    _named("AZURE_KEY_VAULT_URI")(reach, why)
    clouds.azure_login(reach, {}, why, "secrets")


def _named(variable: str, default: str = "") -> Callable[[Reach, str], None]:
    def note(reach: Reach, why: str) -> None:
        if reach.variable(variable) or default:
            reach.address("secrets", f"{why}, {variable}", reach.variable(variable) or default)
        else:
            reach.unknown(why, f"{variable} is not set here", f"Set {variable}.")

    return note


# litellm/secret_managers, by the words of KeyManagementSystem.
_MANAGERS: Final[Mapping[str, Callable[[Reach, str], None]]] = {
    "aws_secret_manager": _aws("secretsmanager"),
    "aws_kms": _aws("kms"),
    "google_kms": _google("cloudkms.googleapis.com"),
    "google_secret_manager": _google("secretmanager.googleapis.com"),
    "azure_key_vault": _azure,
    "hashicorp_vault": _named("HCP_VAULT_ADDR", "http://127.0.0.1:8200"),
    "cyberark": _named("CYBERARK_API_BASE", "http://127.0.0.1:8080"),
}
