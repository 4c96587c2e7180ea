"""TLS key and certificate."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from slipway.report import ExitCode, Finding
from slipway.settings import Settings, choose_server

_WITHOUT: Final = "The gateway would serve without TLS."


def check(settings: Settings) -> list[Finding]:
    """Check that key and certificate come together, can be read, and fit each other."""
    key, certificate = settings.text("SSL_KEYFILE_PATH"), settings.text("SSL_CERTFILE_PATH")
    if not key and not certificate:
        if settings["SLIPWAY_SSL_CIPHERS"].asked:
            what = "Ciphers are set without a TLS key and certificate."
            return [_error("tls-half", what, "Set all three.", _WITHOUT)]
        return []
    if not key or not certificate:
        present, absent = (
            ("SSL_KEYFILE_PATH", "SSL_CERTFILE_PATH") if key else ("SSL_CERTFILE_PATH", "SSL_KEYFILE_PATH")
        )
        return [
            _error(
                "tls-half",
                f"{present} is set without {absent}.",
                f"Set {absent} too, or neither.",
                _WITHOUT,
            )
        ]
    for name, path in (("SSL_KEYFILE_PATH", key), ("SSL_CERTFILE_PATH", certificate)):
        if not os.path.isfile(path) or not os.access(path, os.R_OK):
            return [
                _error(
                    "tls-unreadable",
                    f"The file named by {name} is missing, or uid {os.getuid()} may not read it.",
                    f"Mount it readable by gid 0, or correct {name}.",
                )
            ]
    if choose_server(settings) == "granian" and b"BEGIN PRIVATE KEY" not in Path(key).read_bytes():
        return [
            _error(
                "tls-granian-key",
                "The file of SSL_KEYFILE_PATH is not a PKCS#8 key.",
                "Convert it: openssl pkcs8 -topk8 -nocrypt -in KEY -out KEY.pkcs8.",
                "granian reads no other kind.",
            )
        ]
    # Loads OpenSSL, which takes as long as all other checks: only where TLS is asked for.
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        # A key that wants a password would ask on the terminal; nobody is there.
        context.load_cert_chain(certificate, key, password=lambda: "")
    except (OSError, ssl.SSLError, ValueError):
        return [
            _error(
                "tls-invalid",
                "The files of SSL_KEYFILE_PATH and SSL_CERTFILE_PATH are not PEM, or do not belong together.",
                "Mount an unencrypted PEM key and the certificate made for it.",
            )
        ]
    try:
        if ciphers := settings.text("SLIPWAY_SSL_CIPHERS"):
            context.set_ciphers(ciphers)
    except ssl.SSLError:
        return [
            _error("tls-ciphers", "OpenSSL knows none of the ciphers.", "Correct --ciphers or SLIPWAY_SSL_CIPHERS.")
        ]
    return []


def _error(id: str, what: str, fix: str, why: str = "") -> Finding:
    return Finding(id, "error", what, fix, ExitCode.CONFIG, why)
