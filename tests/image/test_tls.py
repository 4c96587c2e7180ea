"""TLS reaches each server: the key and certificate that the flags name are those that a client sees."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

import httpx
import pytest

from tests.support import gateway
from tests.support.lab import Lab, Spec

MAKE_KEY = """
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=localhost \
  -addext subjectAltName=DNS:localhost -keyout /tmp/key -out /tmp/certificate 2>/dev/null \
  && cat /tmp/key /tmp/certificate
"""


@pytest.fixture(scope="module")
def certificate(module_lab: Lab, directory: Path) -> dict[str, Path]:
    """A key and its self-signed certificate, as files for a mount."""
    made = module_lab.once(Spec(command=("sh", "-c", MAKE_KEY)))
    assert made.code == 0, made.output
    key, mark, certificate = made.stdout.partition("-----BEGIN CERTIFICATE-----")
    return {
        "/etc/slipway/tls/key.pem": gateway.write(directory, "key.pem", key),
        "/etc/slipway/tls/certificate.pem": gateway.write(directory, "certificate.pem", mark + certificate),
    }


def handshake(context: ssl.SSLContext, port: int) -> ssl.SSLSocket:
    plain = socket.create_connection(("localhost", port), timeout=30)
    try:
        return context.wrap_socket(plain, server_hostname="localhost")
    except BaseException:
        plain.close()
        raise


@pytest.mark.parametrize(
    ("server", "speaks_http2"), [("uvicorn", False), ("gunicorn", False), ("hypercorn", True), ("granian", True)]
)
def test_a_client_that_trusts_the_certificate_is_served(
    lab: Lab, directory: Path, certificate: dict[str, Path], server: str, speaks_http2: bool
) -> None:
    keyfile, certfile = certificate
    args = ("--config", gateway.CONFIG_PATH, "--ssl_keyfile_path", keyfile, "--ssl_certfile_path", certfile)
    running = gateway.start(lab, directory, args=args, env={"SLIPWAY_SERVER": server}, files=certificate)
    port = running.box.port(gateway.PORT)
    context = ssl.create_default_context(cafile=str(certificate[certfile]))
    answer = httpx.get(f"https://localhost:{port}/health/liveliness", verify=context, timeout=30)
    assert answer.status_code == 200
    context.set_alpn_protocols(["h2", "http/1.1"])
    with handshake(context, port) as encrypted:
        assert (encrypted.selected_alpn_protocol() == "h2") is speaks_http2
    healthy = running.box.exec(["slipway", "healthcheck"])
    assert healthy.code == 0, healthy.output


def test_ciphers_reach_the_server(lab: Lab, directory: Path, certificate: dict[str, Path]) -> None:
    keyfile, certfile = certificate
    only = "ECDHE-ECDSA-AES256-GCM-SHA384"
    args = (
        *("--config", gateway.CONFIG_PATH, "--ciphers", only),
        *("--ssl_keyfile_path", keyfile, "--ssl_certfile_path", certfile),
    )
    running = gateway.start(lab, directory, args=args, files=certificate)
    context = ssl.create_default_context(cafile=str(certificate[certfile]))
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    port = running.box.port(gateway.PORT)
    with handshake(context, port) as encrypted:
        chosen = encrypted.cipher()
        assert chosen is not None
        assert chosen[0] == only
    context.set_ciphers("ECDHE-ECDSA-AES128-GCM-SHA256")
    with pytest.raises(ssl.SSLError), handshake(context, port):
        pass
