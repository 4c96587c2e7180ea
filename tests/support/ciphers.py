"""Values as LiteLLM encrypts them in its database, by either of its ciphers."""

from __future__ import annotations

import base64
import hashlib
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from nacl.exceptions import CryptoError
from nacl.secret import SecretBox


def xsalsa(text: str, key: str) -> str:
    """LiteLLM's default cipher."""
    return base64.urlsafe_b64encode(SecretBox(hashlib.sha256(key.encode()).digest()).encrypt(text.encode())).decode()


def gcm(text: str, key: str) -> str:
    """Its other one, `encryption_algorithm: aes-256-gcm`."""
    nonce = os.urandom(12)
    sealed = nonce + AESGCM(hashlib.sha256(key.encode()).digest()).encrypt(nonce, text.encode(), None)
    return "v2:gcm:" + base64.urlsafe_b64encode(sealed).decode()


def opened(value: str, key: str) -> str | None:
    """What LiteLLM would decrypt, of a value without its mark; None where the key does not open it."""
    secret = hashlib.sha256(key.encode()).digest()
    try:
        if value.startswith("v2:gcm:"):
            sealed = base64.urlsafe_b64decode(value.removeprefix("v2:gcm:"))
            return AESGCM(secret).decrypt(sealed[:12], sealed[12:], None).decode()
        return SecretBox(secret).decrypt(base64.urlsafe_b64decode(value)).decode()
    except (InvalidTag, CryptoError, ValueError, TypeError):
        return None
