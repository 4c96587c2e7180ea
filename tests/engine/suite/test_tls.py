"""sslmode, sslaccept, sslcert, sslidentity, sslpassword."""

from __future__ import annotations

import os
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.engine.suite.certificates import PASSPHRASE, Certificates
from tests.engine.suite.database import with_parameters
from tests.engine.suite.engines import connected, refusal
from tests.engine.suite.wire import Wire, wire


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("tls"), "localhost")


def context(certificates: Certificates) -> ssl.SSLContext:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(*certificates.server)
    return tls


@pytest.fixture
async def tls(url: str, certificates: Certificates) -> AsyncIterator[Wire]:
    """A server with a certificate for "localhost"."""
    async with wire(url, context(certificates)) as relay:
        yield relay


@pytest.fixture
async def mutual(url: str, certificates: Certificates) -> AsyncIterator[Wire]:
    """A server that wants a certificate of its clients."""
    server = context(certificates)
    server.verify_mode = ssl.CERT_REQUIRED
    server.load_verify_locations(certificates.ca)
    async with wire(url, server) as relay:
        yield relay


async def works(url: str, **parameters: object) -> None:
    async with connected(url, **parameters) as client:
        assert await client.query_raw("SELECT 1 AS one") == [{"one": 1}]


async def test_tls_is_used_where_the_server_offers_it(tls: Wire) -> None:
    await works(tls.url)
    await works(tls.url, sslmode="prefer")
    await works(tls.url, sslmode="require")
    assert set(tls.asked) == {True}


async def test_disable_does_not_even_ask(tls: Wire) -> None:
    await works(tls.url, sslmode="disable")
    assert set(tls.asked) == {False}


async def test_a_server_without_tls(url: str, schema: str) -> None:
    async with wire(url) as plain:
        await works(plain.url)
        assert True in plain.asked
        assert "TLS" in await refusal(with_parameters(plain.url, sslmode="require"), schema)


async def test_strict_with_the_authority_and_the_name(tls: Wire, certificates: Certificates) -> None:
    await works(tls.named("localhost"), sslmode="require", sslaccept="strict", sslcert=certificates.ca)


async def test_the_certificates_path_starts_at_the_schemas_folder(
    tls: Wire, certificates: Certificates, schema: str
) -> None:
    relative = os.path.relpath(certificates.ca, Path(schema).parent)
    await works(tls.named("localhost"), sslmode="require", sslaccept="strict", sslcert=relative)


@pytest.mark.parametrize("wrong", ["authority", "name", "none"])
async def test_strict_refuses(tls: Wire, certificates: Certificates, schema: str, wrong: str) -> None:
    place = tls.url if wrong == "name" else tls.named("localhost")
    parameters: dict[str, object] = {"sslmode": "require", "sslaccept": "strict"}
    if wrong != "none":
        parameters["sslcert"] = certificates.other_ca if wrong == "authority" else certificates.ca
    assert "TLS" in await refusal(with_parameters(place, **parameters), schema)
    # What Prisma does unless told otherwise.
    await works(place, **parameters | {"sslaccept": "accept_invalid_certs"})


async def test_a_clients_certificate(mutual: Wire, certificates: Certificates, schema: str) -> None:
    identity = {"sslidentity": certificates.identity, "sslpassword": PASSPHRASE}
    await works(mutual.named("localhost"), sslaccept="strict", sslcert=certificates.ca, **identity)
    assert await refusal(with_parameters(mutual.url, sslmode="require"), schema)
    wrong = await refusal(with_parameters(mutual.url, **identity | {"sslpassword": "wr0ng-passphrase"}), schema)
    assert "TLS" in wrong
    assert "wr0ng-passphrase" not in wrong


@pytest.mark.parametrize("name", ["sslcert", "sslidentity"])
async def test_a_file_that_is_not_there(tls: Wire, schema: str, name: str) -> None:
    target = with_parameters(tls.url, sslmode="require", sslaccept="strict", **{name: "/no/such/file"})
    assert name in await refusal(target, schema)
