"""The internet as two names, a provider that is declared and a host that is not; both are the fake provider."""

from __future__ import annotations

import subprocess
from pathlib import Path

DECLARED = "provider.example.com"
UNDECLARED = "elsewhere.example.com"
_MAKE = (
    "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=provider "
    f"-addext subjectAltName=DNS:{DECLARED},DNS:{UNDECLARED}"
)


def make_certificate(folder: Path) -> None:
    """Write key.pem and certificate.pem for both names, readable by any user of a container."""
    words = [*_MAKE.split(), "-keyout", str(folder / "key.pem"), "-out", str(folder / "certificate.pem")]
    subprocess.run(words, check=True, capture_output=True)
    for name in ("key.pem", "certificate.pem"):
        (folder / name).chmod(0o644)
