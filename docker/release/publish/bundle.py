"""Signing statements and reading them again: sigstore bundles, by a key of one's own or by a workflow's identity.

A bundle of a key holds the envelope and a hint of the key; one of an identity also what the certificate authority and
the transparency log said, so that it can be verified without asking them.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Protocol

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import CryptoSigner, SSlibKey

from packages import BaseError
from publish.oci import written
from publish.statement import PAYLOAD

MEDIA_TYPE: Final = "application/vnd.dev.sigstore.bundle.v0.3+json"


class Signer(Protocol):
    """Makes bundles of statements."""

    def sign(self, payload: bytes) -> bytes:
        """Return the bundle of a statement's bytes."""


class Trust(Protocol):
    """Opens the bundles of whom one trusts."""

    def open(self, bundle: bytes) -> bytes | None:
        """Return the statement's bytes, or nothing when somebody else signed it or what was signed is no more."""


class Key:
    """A private key, ECDSA on P-256 in PEM. Raises BaseError when the file holds none."""

    def __init__(self, path: Path) -> None:
        try:
            found = load_pem_private_key(path.read_bytes(), None)
        except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as problem:
            raise _no_key(path, "a private key", problem) from problem
        if not isinstance(found, ec.EllipticCurvePrivateKey) or not isinstance(found.curve, ec.SECP256R1):
            raise _no_key(path, "a private key", "it is of another kind")
        self._public = found.public_key()
        self._signer = CryptoSigner(found)

    def sign(self, payload: bytes) -> bytes:
        """Return the bundle of a statement's bytes."""
        envelope = Envelope(payload, PAYLOAD, {})
        envelope.sign(self._signer)
        plain = {
            **envelope.to_dict(),
            "signatures": [{"sig": each["sig"]} for each in envelope.to_dict()["signatures"]],
        }
        material = {"publicKey": {"hint": _hint(self._public)}}
        return written({"mediaType": MEDIA_TYPE, "verificationMaterial": material, "dsseEnvelope": plain})


class PublicKey:
    """Whoever has the private key of this one, in PEM. Raises BaseError when the file holds none."""

    def __init__(self, path: Path) -> None:
        try:
            found = load_pem_public_key(path.read_bytes())
        except (OSError, ValueError, UnsupportedAlgorithm) as problem:
            raise _no_key(path, "a public key", problem) from problem
        if not isinstance(found, ec.EllipticCurvePublicKey):
            raise _no_key(path, "a public key", "it is of another kind")
        self._key = SSlibKey.from_crypto(found)

    def open(self, bundle: bytes) -> bytes | None:
        """Return the statement's bytes, or nothing when somebody else signed it or what was signed is no more."""
        try:
            plain = json.loads(bundle)["dsseEnvelope"]
            named = [{**each, "keyid": self._key.keyid} for each in plain["signatures"]]
            envelope = Envelope.from_dict({**plain, "signatures": named})
            envelope.verify([self._key], 1)
        except (ValueError, KeyError, TypeError, VerificationError):
            return None
        return envelope.payload if envelope.payload_type == PAYLOAD else None


class Workflow:
    """The identity of the workflow that runs this. Raises BaseError outside of one."""

    def __init__(self) -> None:
        # Only they ask for sigstore's own address book.
        from sigstore.models import ClientTrustConfig
        from sigstore.oidc import IdentityToken, detect_credential
        from sigstore.sign import SigningContext

        token = detect_credential()
        if token is None:
            raise BaseError(
                "there is no identity to sign with",
                "this runs in no workflow, or the workflow's job lacks `id-token: write`",
                "give the job that permission, or sign with a key: KEY=FILE",
            )
        self._token = IdentityToken(token)
        self._context = SigningContext.from_trust_config(ClientTrustConfig.production())

    def sign(self, payload: bytes) -> bytes:
        """Return the bundle of a statement's bytes."""
        from sigstore.dsse import Statement

        with self._context.signer(self._token) as signer:
            return signer.sign_dsse(Statement(payload)).to_json().encode()


class Identity:
    """A workflow by its identity and the issuer of that."""

    def __init__(self, identity: str, issuer: str) -> None:
        from sigstore.verify import Verifier
        from sigstore.verify.policy import Identity as Policy

        self._policy = Policy(identity=identity, issuer=issuer)
        self._verifier = Verifier.production()

    def open(self, bundle: bytes) -> bytes | None:
        """Return the statement's bytes, or nothing when somebody else signed it or what was signed is no more."""
        from sigstore.errors import Error
        from sigstore.models import Bundle

        try:
            kind, payload = self._verifier.verify_dsse(Bundle.from_json(bundle), self._policy)
        except (Error, ValueError):
            return None
        return payload if kind == PAYLOAD else None


def opened(trust: Trust, bundles: Sequence[bytes]) -> list[bytes]:
    """The statements among the bundles that somebody trusted has signed."""
    return [payload for bundle in bundles if (payload := trust.open(bundle)) is not None]


def _hint(key: ec.EllipticCurvePublicKey) -> str:
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(hashlib.sha256(der).digest()).decode()


def _no_key(path: Path, what: str, why: object) -> BaseError:
    fix = "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 (and: openssl pkey -pubout)"
    return BaseError(f"{path} holds no {what.removeprefix('a ')} that can be used", str(why), fix)
