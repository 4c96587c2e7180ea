"""LiteLLM's two ciphers and the forms in which it stores what they make, read and written without LiteLLM.

The source is litellm/proxy/common_utils/encrypt_decrypt_utils.py; the mark is callback_utils.py's.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from nacl.secret import SecretBox

MARK: Final = "litellm_enc::"
_GCM: Final = "v2:gcm:"
_GCM_NONCE: Final = 12
# Nonce and tag of the default cipher, in bytes, and their length in base64; anything shorter is no ciphertext.
_SHORTEST: Final = 40
SHORTEST_TEXT: Final = 56
_WORD: Final = re.compile(r"[A-Za-z0-9_\-+/]+={0,2}")


@dataclass(frozen=True, slots=True)
class Sealed:
    """What may be a ciphertext, and the form it was written in: LiteLLM's mark, its newer cipher, the base64 alphabet.

    ``likely``: it has that form to the letter, and no plain text is expected to. A mark or the newer cipher's prefix is
    enough for that; without them it is base64 of bytes that are no text.
    """

    marked: bool
    gcm: bool
    standard: bool
    body: bytes
    likely: bool

    @property
    def form(self) -> str:
        """Everything but the content, for comparing."""
        return f"{self.marked:d}{self.gcm:d}{self.standard:d}"

    @property
    def declared(self) -> bool:
        """Whether it says of itself that it is encrypted."""
        return self.marked or self.gcm

    def text(self) -> str:
        """Return it as LiteLLM stores it."""
        encode = base64.b64encode if self.standard else base64.urlsafe_b64encode
        return f"{MARK if self.marked else ''}{_GCM if self.gcm else ''}{encode(self.body).decode()}"


def parse(value: str) -> Sealed | None:
    """Read a string as LiteLLM would decrypt it; None for one that cannot be a ciphertext."""
    marked = value.startswith(MARK)
    inner = value.removeprefix(MARK)
    gcm = inner.startswith(_GCM)
    inner = inner.removeprefix(_GCM)
    declared = marked or gcm
    if len(inner) < (1 if declared else SHORTEST_TEXT):
        return None
    body = _decoded(inner)
    if not declared and len(body) < _SHORTEST:
        return None
    return Sealed(marked, gcm, "+" in inner or "/" in inner, body, declared or _is_sealed_word(inner, body))


def _is_sealed_word(text: str, body: bytes) -> bool:
    """Tell base64 of random bytes from identifiers, digests in hexadecimal and base64 of a text."""
    # One ciphertext in ten thousand million, or fewer, has but one case or happens to be a text.
    if not _WORD.fullmatch(text) or text in (text.lower(), text.upper()):
        return False
    try:
        body.decode()
    except UnicodeDecodeError:
        return True
    return False


def _decoded(text: str) -> bytes:
    try:
        # Not strict, as LiteLLM's own call is not.
        return base64.urlsafe_b64decode(text)
    except (binascii.Error, ValueError):
        return b""


class Key:
    """A salt key ready for use. It keeps the digest only, and shows nothing."""

    __slots__ = ("_aead", "_box", "_digest")

    def __init__(self, text: str) -> None:
        # A variable may hold bytes that are no text; LiteLLM cannot use it then, and neither does it open anything.
        self._digest = hashlib.sha256(text.encode(errors="surrogateescape")).digest()
        self._box: SecretBox | None = None
        self._aead: AESGCM | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Key) and other._digest == self._digest

    def __hash__(self) -> int:
        return hash(self._digest)

    def open(self, sealed: Sealed) -> bytes | None:
        """Return what was encrypted with this key, or None."""
        from cryptography.exceptions import InvalidTag
        from nacl.exceptions import CryptoError

        try:
            if sealed.gcm:
                return self._gcm().decrypt(sealed.body[:_GCM_NONCE], sealed.body[_GCM_NONCE:], None)
            return bytes(self._secretbox().decrypt(sealed.body))
        except (InvalidTag, CryptoError, ValueError, TypeError):
            return None

    def seal(self, plain: bytes, form: Sealed) -> Sealed:
        """Encrypt ``plain`` with this key, by the cipher of ``form`` and to be written in its form."""
        if form.gcm:
            nonce = os.urandom(_GCM_NONCE)
            return replace(form, body=nonce + self._gcm().encrypt(nonce, plain, None))
        return replace(form, body=bytes(self._secretbox().encrypt(plain)))

    # Imported when they are needed: a start with a database that holds nothing encrypted needs neither.
    def _secretbox(self) -> SecretBox:
        if self._box is None:
            from nacl.secret import SecretBox

            self._box = SecretBox(self._digest)
        return self._box

    def _gcm(self) -> AESGCM:
        if self._aead is None:
            from cryptography.hazmat.primitives.ciphers.aead import AESGCM

            self._aead = AESGCM(self._digest)
        return self._aead
