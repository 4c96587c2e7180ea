"""Credentials: encrypted with the salt key, never shown again."""

from __future__ import annotations

import secrets

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.database.routes.caller import Caller

SECRET = f"sk-{secrets.token_hex(16)}"
ENVIRONMENT = {
    "ROUTE_SIGNING_KEY": ec.generate_private_key(ec.SECP256R1())
    .private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    .decode()
}
ISSUER = {
    "anthropic_identity_source": "internal_issuer",
    "anthropic_issuer_url": "https://issuer.example.test",
    "anthropic_issuer_subject": "gateway",
    "anthropic_issuer_signing_key_ref": "os.environ/ROUTE_SIGNING_KEY",
}
ONE = "/credentials/{credential_name:path}"


def walk(call: Caller) -> None:
    info = {"description": "for tests", "custom_llm_provider": "openai"}
    call(
        "POST",
        "/credentials",
        {"credential_name": "route/one", "credential_info": info, "credential_values": {"api_key": SECRET}},
    )
    listed = call("GET", "/credentials")
    assert "route/one" in {row["credential_name"] for row in listed["credentials"]}
    assert SECRET not in str(listed)
    shown = call("GET", "/credentials/by_name/{credential_name:path}", parts={"credential_name": "route/one"})
    assert shown["credential_info"] == info
    values = {"credential_info": info, "credential_values": {"api_base": "http://127.0.0.1:9/v1"}}
    call("PATCH", ONE, values, parts={"credential_name": "route/one"})
    used = {"model": "openai/used", "mock_response": "hi", "litellm_credential_name": "route/one"}
    model = call("POST", "/model/new", {"model_name": "used", "litellm_params": used, "model_info": {}})
    call("GET", "/credentials/by_model/{model_id}", parts={"model_id": model["model_id"]})
    call("GET", "/credentials/migrate-encryption/check")
    call("POST", "/credentials/migrate-encryption", query={"dry_run": "true"})
    call("POST", "/model/delete", {"id": model["model_id"]})
    call("DELETE", ONE, parts={"credential_name": "route/one"})
    assert "route/one" not in str(call("GET", "/credentials"))
    _issuer(call)


def _issuer(call: Caller) -> None:
    """The public half of the key that a credential signs with."""
    info = {"custom_llm_provider": "anthropic"}
    call("POST", "/credentials", {"credential_name": "issuer", "credential_info": info, "credential_values": ISSUER})
    found = call("GET", "/credentials/{credential_name:path}/jwks", parts={"credential_name": "issuer"})
    assert [key["kty"] for key in found["keys"]] == ["EC"]
    call("DELETE", ONE, parts={"credential_name": "issuer"})
