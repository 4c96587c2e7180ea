"""Values as LiteLLM encrypts them in its database, by either of its ciphers."""

from __future__ import annotations

import base64
import hashlib
import os

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from nacl.secret import SecretBox


def xsalsa(text: str, key: str) -> str:
    """LiteLLM's default cipher."""
    return base64.urlsafe_b64encode(SecretBox(hashlib.sha256(key.encode()).digest()).encrypt(text.encode())).decode()


def gcm(text: str, key: str) -> str:
    """Its other one, `encryption_algorithm: aes-256-gcm`."""
    nonce = os.urandom(12)
    sealed = nonce + AESGCM(hashlib.sha256(key.encode()).digest()).encrypt(nonce, text.encode(), None)
    return "v2:gcm:" + base64.urlsafe_b64encode(sealed).decode()
