"""The HTTP interface itself, as prisma-client-py and people with curl use it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.engine.suite.client import Prisma
from tests.engine.suite.engines import alive, connected, pid_of, url_of


async def ask(db: Prisma, query: str, **headers: str) -> Any:
    async with httpx.AsyncClient() as http:
        body = {"variables": {}, "operation_name": "query", "query": query}
        response = await http.post(url_of(db), json=body, headers=headers)
        return response.json()


async def test_status(db: Prisma) -> None:
    async with httpx.AsyncClient() as http:
        response = await http.get(f"{url_of(db)}/status")
        assert (response.status_code, response.json()) == (200, {"status": "ok"})


async def test_it_listens_on_the_loopback_only(db: Prisma) -> None:
    port = urlsplit(url_of(db)).port
    with open(f"/proc/{pid_of(db)}/net/tcp") as table:
        listening = [line.split()[1] for line in table.readlines()[1:] if line.split()[3] == "0A"]
    addresses = {address.split(":")[0] for address in listening if int(address.split(":")[1], 16) == port}
    assert addresses == {"0100007F"}


async def test_one_query(db: Prisma) -> None:
    await db.user.create(data={"id": "1", "name": "Ada"})
    assert await ask(db, 'query { result: findUniqueUser(where: {id: "1"}) { id name email } }') == {
        "data": {"result": {"id": "1", "name": "Ada", "email": None}}
    }


async def test_half_a_surrogate_pair_finds_nothing_else(db: Prisma) -> None:
    """No other character takes its place, such as the one that stands for what cannot be read."""
    await db.user.create(data={"id": "1", "name": "Ada", "email": "\ufffd"})
    for _ in range(3):
        assert (await ask(db, 'query { findUniqueUser(where: {email: "\ufffd"}) { id } }'))["data"]
        answer = await ask(db, 'query { findUniqueUser(where: {email: "\\ud800"}) { id } }')
        assert answer.get("errors"), answer


async def test_queries_without_an_alias_and_with_enums_unquoted(db: Prisma) -> None:
    await db.user.create(data={"id": "1", "name": "Ada", "role": "OWNER"})
    query = "query { findManyUser(where: {role: OWNER} orderBy: [{name: asc}], take: 1) { id, role } }"
    assert await ask(db, query) == {"data": {"findManyUser": [{"id": "1", "role": "OWNER"}]}}


async def test_types_as_strings(db: Prisma) -> None:
    """As the native engine: what JSON's numbers cannot hold are strings."""
    fields = "bigint decimal_ moment bytes json_obj integer float_ flag mood"
    made = await ask(
        db,
        "mutation { result: createOneTypes(data: {bigint: 9007199254740993, decimal_: 1.50, "
        f'moment: "2024-01-02T03:04:05+01:00", bytes: "AP8=", json_obj: "{{\\"a\\": 1}}"}}) {{ {fields} }} }}',
    )
    result = made["data"]["result"]
    assert json.loads(result.pop("json_obj")) == {"a": 1}
    assert result == {
        "bigint": "9007199254740993",
        "decimal_": "1.5",
        "moment": "2024-01-02T02:04:05.000Z",
        "bytes": "AP8=",
        "integer": 0,
        "float_": 0,
        "flag": False,
        "mood": "CALM",
    }


async def test_a_batch_without_a_transaction(db: Prisma) -> None:
    """Each query stands for itself."""
    create = 'mutation { result: createOneUser(data: {id: "1", name: "a"}) { id } }'
    async with httpx.AsyncClient() as http:
        queries = [{"query": create, "variables": {}}, {"query": create, "variables": {}}]
        response = await http.post(url_of(db), json={"batch": queries, "transaction": False})
    # They run at the same time: either may come first.
    failed, made = sorted(response.json()["batchResult"], key=lambda result: "data" in result)
    assert made == {"data": {"result": {"id": "1"}}}
    assert failed["errors"][0]["user_facing_error"]["error_code"] == "P2002"
    assert await db.user.count() == 1


async def test_errors_have_the_native_shape(db: Prisma) -> None:
    answer = await ask(db, "query { result: findManyUser(take: 1) { nothing } }")
    (error,) = answer["errors"]
    assert error["user_facing_error"]["error_code"] == "P2009"
    assert error["user_facing_error"]["is_panic"] is False
    assert error["error"]


async def test_bad_requests_harm_nobody(db: Prisma) -> None:
    async with httpx.AsyncClient() as http:
        for content in (b"", b"{", b"[]", b'{"query": 5}', b'{"query": "query {"}', b"\xff\xfe", b'{"batch": 1}'):
            response = await http.post(url_of(db), content=content)
            assert response.status_code >= 400 or "errors" in response.json(), content
        assert (await http.get(f"{url_of(db)}/nowhere")).status_code >= 400
        assert (await http.post(f"{url_of(db)}/transaction/none/commit")).status_code < 500
        assert (await http.post(f"{url_of(db)}/transaction/start", content=b"{")).status_code >= 400
    assert await db.user.count() == 0


async def test_a_body_in_chunks(db: Prisma) -> None:
    body = json.dumps({"query": "query { result: findManyUser { id } }", "variables": {}}).encode()

    async def parts() -> Any:
        for start in range(0, len(body), 7):
            yield body[start : start + 7]

    async with httpx.AsyncClient() as http:
        response = await http.post(url_of(db), content=parts())
        assert response.json() == {"data": {"result": []}}


async def test_several_requests_on_one_connection(db: Prisma) -> None:
    address = urlsplit(url_of(db))
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    body = b'{"query":"query { result: findManyUser { id } }","variables":{}}'
    head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body)
    # Both at once: the answers come in the same order.
    writer.write(b"GET /status HTTP/1.1\r\nHost: x\r\n\r\n" + head + body)
    for expected in (b'"ok"', b'{"data":{"result":[]}}'):
        answer = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)).lower()
        assert answer.startswith(b"http/1.1 200")
        length = int(answer.split(b"content-length:")[1].split()[0])
        assert expected in await reader.readexactly(length)
    writer.close()
    await writer.wait_closed()


SLOW = 'mutation { result: queryRaw(query: "SELECT pg_sleep(0.2)", parameters: "[]") }'
BIG = 'mutation { result: queryRaw(query: "SELECT repeat(\'x\', 9000000) AS x", parameters: "[]") }'
SMALL = "query { result: findManyUser { id } }"


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
@pytest.mark.parametrize("cut", [0, 10, -1, None], ids=["nothing", "half the head", "all but a byte", "everything"])
@pytest.mark.parametrize("query", [SLOW, BIG, SMALL], ids=["slow", "big", "small"])
async def test_clients_that_go_away_harm_nobody(db: Prisma, query: str, cut: int | None, reset: bool) -> None:
    """In the middle of a request, before the answer, in the middle of the answer; with an end and with a reset."""
    address = urlsplit(url_of(db))
    body = json.dumps({"query": query, "variables": {}}).encode()
    request = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    for pause in (0, 0.05):
        with socket.create_connection((address.hostname, address.port)) as line:
            line.sendall(request[:cut])
            await asyncio.sleep(pause)
            if reset:
                # No lingering: the kernel sends a reset.
                line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    await asyncio.sleep(0.3)
    assert alive(pid_of(db))
    assert await asyncio.wait_for(db.user.count(), 8) == 0


async def test_cancelled_queries_free_their_connections(url: str) -> None:
    async with connected(url, connection_limit=1) as client:
        for _ in range(10):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(client.query_raw("SELECT pg_sleep(0.1)"), 0.02)
        assert await asyncio.wait_for(client.user.count(), 8) == 0
