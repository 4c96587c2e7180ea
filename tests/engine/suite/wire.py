"""A relay in front of the database that can fail as networks do."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from tests.engine.suite.database import replaced


class Wire:
    """Relays one loopback port to the database of a URL."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._target = (parts.hostname or "localhost", parts.port or 5432)
        self._open: set[asyncio.StreamWriter] = set()
        self._relays: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._silent = False
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = int(probe.getsockname()[1])
        # The same database, through this relay.
        self.url = replaced(url, host="127.0.0.1", port=self._port)

    async def up(self) -> None:
        """Accept connections and relay them."""
        self._silent = False
        if self._server is None:
            self._server = await asyncio.start_server(self._accept, "127.0.0.1", self._port)

    async def down(self) -> None:
        """Refuse new connections and break the present ones."""
        if self._server is not None:
            self._server.close()
            self._server = None
        self.cut()

    def cut(self) -> None:
        """Break the present connections."""
        for writer in self._open:
            writer.transport.abort()
        self._open.clear()

    def silence(self) -> None:
        """Accept new connections, and never answer them; relay no more on present ones."""
        self._silent = True

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        if self._silent:
            return
        inner_reader, inner_writer = await asyncio.open_connection(*self._target)
        self._open.add(inner_writer)
        for source, sink in ((reader, inner_writer), (inner_reader, writer)):
            task = asyncio.create_task(self._relay(source, sink))
            self._relays.add(task)
            task.add_done_callback(self._relays.discard)

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
async def wire(url: str) -> AsyncIterator[Wire]:
    """A relay to the database of `url`, up already."""
    relay = Wire(url)
    await relay.up()
    try:
        yield relay
    finally:
        await relay.down()
