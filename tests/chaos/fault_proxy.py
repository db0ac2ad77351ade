"""A TCP proxy that injects network faults: closed connections, delay, and half-open connections."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

CHUNK = 1 << 16


class Connection:
    """A client connection and its connection to the server, until either closes."""

    def __init__(self, proxy: "Proxy", client: asyncio.StreamWriter, server: asyncio.StreamWriter) -> None:
        self._proxy, self._ends = proxy, (client, server)
        self.lost = proxy.silent
        """Half-open: data is dropped without closing the connection, permanently."""

    async def forward(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        """Forward bytes in one direction."""
        while data := await source.read(CHUNK):
            if self._proxy.delay_s:
                await asyncio.sleep(self._proxy.delay_s)
            if not self.lost:
                target.write(data)
                await target.drain()

    def cut(self) -> None:
        """Close both sides immediately."""
        for end in self._ends:
            end.transport.abort()


class Proxy:
    """A proxy for the server on a local port."""

    def __init__(self, server_port: int) -> None:
        self._server_port = server_port
        self._connections: set[Connection] = set()
        self.port = 0
        self.refusing = self.silent = False
        self.delay_s = 0.0
        """Delay of every chunk of data."""

    @asynccontextmanager
    async def listening(self) -> AsyncIterator["Proxy"]:
        """Accept connections at `port` until exit."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=512)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            self.cut()

    def cut(self) -> None:
        """Close every open connection."""
        for connection in list(self._connections):
            connection.cut()

    def go_silent(self) -> None:
        """Drop all data on current and new connections without closing them."""
        self.silent = True
        for connection in self._connections:
            connection.lost = True

    def heal(self) -> None:
        """Forward new connections normally; connections that went silent stay half-open."""
        self.refusing = self.silent = False
        self.delay_s = 0.0

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.refusing:
            writer.transport.abort()
            return
        try:
            server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self._server_port)
        except OSError:
            writer.transport.abort()
            return
        connection = Connection(self, writer, server_writer)
        self._connections.add(connection)
        directions = [
            asyncio.create_task(connection.forward(reader, server_writer)),
            asyncio.create_task(connection.forward(server_reader, writer)),
        ]
        try:
            await asyncio.wait(directions, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._connections.discard(connection)
            for task in directions:
                task.cancel()
            with suppress(OSError):
                await asyncio.gather(*directions, return_exceptions=True)
            for end in (writer, server_writer):
                end.close()
