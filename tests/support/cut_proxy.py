"""A TCP proxy on loopback that can cut, clog, delay, and let bytes pass in one direction only.

It stands for the network between two processes. Who is clogged keeps what it has: it goes on when
the clog ends, late and in order, as bytes in a network do."""

import asyncio
import contextlib

CHUNK_BYTES = 64 * 1024
UP, DOWN = "up", "down"  # to the server, to the client


class CutProxy:
    def __init__(self, port, server_port):
        self.port = port
        self.server_port = server_port
        self.delay_s = 0.0
        self._open = {UP: asyncio.Event(), DOWN: asyncio.Event()}
        self._refusing = False
        self._connections = set()
        self._server = None
        for gate in self._open.values():
            gate.set()

    async def start(self):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        return self

    async def stop(self):
        self._server.close()
        self.cut()
        await self._server.wait_closed()

    # ---- what can be done to it ----

    def cut(self, refuse=False):
        """Every connection is reset; with `refuse` new ones are too, until `heal`."""
        self._refusing = refuse
        for task in list(self._connections):
            task.cancel()

    def clog(self, *directions):
        """Nothing passes in these directions, and nobody is told."""
        for direction in directions or (UP, DOWN):
            self._open[direction].clear()

    def heal(self):
        self._refusing = False
        self.delay_s = 0.0
        for gate in self._open.values():
            gate.set()

    # ---- one connection ----

    async def _serve(self, reader, writer):
        if self._refusing:
            writer.transport.abort()
            return
        task = asyncio.current_task()
        self._connections.add(task)
        server = None
        try:
            await self._open[UP].wait()
            server_reader, server = await asyncio.open_connection("127.0.0.1", self.server_port)
            pumps = [asyncio.ensure_future(self._pump(reader, server, UP)),
                     asyncio.ensure_future(self._pump(server_reader, writer, DOWN))]
            try:
                await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for pump in pumps:
                    pump.cancel()
                await asyncio.gather(*pumps, return_exceptions=True)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self._connections.discard(task)
            for end in (writer, server):
                if end is not None:
                    with contextlib.suppress(OSError):
                        end.transport.abort()

    async def _pump(self, reader, writer, direction):
        while True:
            chunk = await reader.read(CHUNK_BYTES)
            if not chunk:
                return
            if self.delay_s > 0:
                await asyncio.sleep(self.delay_s)
            await self._open[direction].wait()
            writer.write(chunk)
            await writer.drain()
