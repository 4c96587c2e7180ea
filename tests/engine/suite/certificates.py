"""Throw-away certificates, made with the openssl command."""

from __future__ import annotations

import subprocess
from pathlib import Path

PASSPHRASE = "p12 pass"
NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


class Certificates:
    """An authority with a server's and a client's certificate, and a stranger's authority, as files of `folder`."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder = folder
        self._authority("ca")
        self._authority("other")
        self._signed("server", name)
        self._signed("client", "client")
        self._openssl(
            *("pkcs12", "-export", "-inkey", "client.key", "-in", "client.pem"),
            *("-passout", f"pass:{PASSPHRASE}", "-out", self.identity.name),
        )

    @property
    def ca(self) -> Path:
        return self.folder / "ca.pem"

    @property
    def other_ca(self) -> Path:
        return self.folder / "other.pem"

    @property
    def server(self) -> tuple[Path, Path]:
        """Certificate and key."""
        return self.folder / "server.pem", self.folder / "server.key"

    @property
    def identity(self) -> Path:
        """The client's certificate and key as PKCS#12, with PASSPHRASE."""
        return self.folder / "client.p12"

    def _authority(self, who: str) -> None:
        files = ("-keyout", f"{who}.key", "-out", f"{who}.pem")
        self._openssl("req", "-x509", *NEW_KEY, "-days", "2", "-subj", f"/CN=test {who}", *files)

    def _signed(self, who: str, name: str) -> None:
        (self.folder / f"{who}.ext").write_text(f"subjectAltName = DNS:{name}\n")
        self._openssl("req", *NEW_KEY, "-subj", f"/CN={who}", "-keyout", f"{who}.key", "-out", f"{who}.csr")
        self._openssl(
            *("x509", "-req", "-days", "2", "-in", f"{who}.csr", "-CA", "ca.pem", "-CAkey", "ca.key"),
            *("-CAcreateserial", "-extfile", f"{who}.ext", "-out", f"{who}.pem"),
        )

    def _openssl(self, *words: str) -> None:
        subprocess.run(["openssl", *words], cwd=self.folder, check=True, capture_output=True)
