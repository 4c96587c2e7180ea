"""A relay in front of the database: it fails as networks do, and speaks TLS for a server that does not."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from tests.engine.suite.database import replaced

# The length of the message, then the number that asks for TLS.
TLS_REQUEST = (8).to_bytes(4) + (80877103).to_bytes(4)
LOOPBACK = "127.0.0.1"


class Wire:
    """Relays one loopback port to the database of `url`; with `tls`, it offers TLS and relays what is inside."""

    def __init__(self, url: str, tls: ssl.SSLContext | None = None) -> None:
        parts = urlsplit(url)
        self._target = (parts.hostname or "localhost", parts.port or 5432)
        self._tls = tls
        self._open: set[asyncio.StreamWriter] = set()
        self._relays: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._silent = False
        # Whether the connections began with a request for TLS.
        self.asked: list[bool] = []
        with socket.socket() as probe:
            probe.bind((LOOPBACK, 0))
            self._port = int(probe.getsockname()[1])
        # The same database, through this relay.
        self.url = replaced(url, host=LOOPBACK, port=self._port)

    def named(self, host: str) -> str:
        """The URL with another name of the loopback."""
        return replaced(self.url, host=host)

    async def up(self) -> None:
        """Accept connections and relay them."""
        self._silent = False
        if self._server is None:
            self._server = await asyncio.start_server(self._accept, LOOPBACK, self._port)

    async def down(self) -> None:
        """Refuse new connections and break the present ones."""
        if self._server is not None:
            self._server.close()
            self._server = None
        self.cut()

    def cut(self) -> None:
        """Break the present connections, with a reset: the end of a stream alone would be the gentle way."""
        for writer in self._open:
            if not writer.is_closing():
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
        self._open.clear()

    def silence(self) -> None:
        """Accept new connections, and never answer them; relay no more on present ones."""
        self._silent = True

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        if self._silent:
            return
        try:
            first = await self._greet(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            writer.transport.abort()
            return
        inner_reader, inner_writer = await asyncio.open_connection(*self._target)
        inner_writer.write(first)
        self._open.add(inner_writer)
        for source, sink in ((reader, inner_writer), (inner_reader, writer)):
            task = asyncio.create_task(self._relay(source, sink))
            self._relays.add(task)
            task.add_done_callback(self._relays.discard)

    async def _greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        """Answer a request for TLS; what else the client began with."""
        first = await reader.readexactly(len(TLS_REQUEST))
        self.asked.append(first == TLS_REQUEST)
        if first != TLS_REQUEST:
            return first
        writer.write(b"N" if self._tls is None else b"S")
        await writer.drain()
        if self._tls is not None:
            await writer.start_tls(self._tls)
        return b""

    async def _relay(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(1 << 16):
                if not self._silent:
                    sink.write(data)
                    await sink.drain()
        except OSError:
            pass
        finally:
            sink.transport.abort()


@asynccontextmanager
async def wire(url: str, tls: ssl.SSLContext | None = None) -> AsyncIterator[Wire]:
    """A relay to the database of `url`, up already."""
    relay = Wire(url, tls)
    await relay.up()
    try:
        yield relay
    finally:
        await relay.down()
