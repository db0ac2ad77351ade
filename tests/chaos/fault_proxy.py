"""A TCP proxy that does to connections what networks do: cut them, delay them, or go silent without closing them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

CHUNK = 1 << 16


class Connection:
    """One client's connection and ours to the server, until either ends."""

    def __init__(self, proxy: "Proxy", client: asyncio.StreamWriter, server: asyncio.StreamWriter) -> None:
        self._proxy, self._ends = proxy, (client, server)
        self.lost = proxy.silent
        """Nothing that is sent arrives any more, and nobody is told: a half-open connection stays so for ever."""

    async def carry(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        """Bytes in one direction."""
        while data := await source.read(CHUNK):
            if self._proxy.delay:
                await asyncio.sleep(self._proxy.delay)
            if not self.lost:
                target.write(data)
                await target.drain()

    def cut(self) -> None:
        """End it on both sides at once."""
        for end in self._ends:
            end.transport.abort()


class Proxy:
    """Stands before the server on `port` of this machine."""

    def __init__(self, port: int) -> None:
        self._server = port
        self._connections: set[Connection] = set()
        self.port = 0
        self.refusing = self.silent = False
        self.delay = 0.0
        """Seconds that every piece of data is held up."""

    @asynccontextmanager
    async def listening(self) -> AsyncIterator["Proxy"]:
        """Accept connections at `port` meanwhile."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=512)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            self.cut()

    def cut(self) -> None:
        """End every connection that there is."""
        for connection in list(self._connections):
            connection.cut()

    def go_silent(self) -> None:
        """Swallow what comes, on connections that are and that will be, without closing any."""
        self.silent = True
        for connection in self._connections:
            connection.lost = True

    def heal(self) -> None:
        """Serve new connections well again; those that went silent are never heard of again."""
        self.refusing = self.silent = False
        self.delay = 0.0

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.refusing:
            writer.transport.abort()
            return
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self._server)
        except OSError:
            writer.transport.abort()
            return
        connection = Connection(self, writer, back)
        self._connections.add(connection)
        ways = [
            asyncio.create_task(connection.carry(reader, back)),
            asyncio.create_task(connection.carry(there, writer)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._connections.discard(connection)
            for way in ways:
                way.cancel()
            with suppress(OSError):
                await asyncio.gather(*ways, return_exceptions=True)
            for end in (writer, back):
                end.close()
