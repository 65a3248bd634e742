"""The platform's edge in front of an HTTP/1.1 service: every request goes to an instance that the
service chooses for it, also when one connection brings many. A WebSocket is one request."""

import asyncio
import contextlib
import socket
import struct

from service import NoRoom

HEAD_BYTES_MAX = 64 * 1024
CHUNK_BYTES = 64 * 1024
LINGER_NOT = struct.pack("ii", 1, 0)  # closing is a reset


def reset(writer):
    """A TCP reset, whatever is still to be sent."""
    with contextlib.suppress(OSError):
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NOT)
    writer.transport.abort()


class Head:
    """The first line of a request or an answer, and its fields."""

    def __init__(self, raw):
        self.raw = raw
        first, *lines = raw.decode("latin-1").split("\r\n")
        self.first = first.split(" ", 2)
        self.fields = {}
        for line in lines:
            name, colon, value = line.partition(":")
            if colon:
                self.fields[name.strip().lower()] = value.strip()

    @property
    def length(self):
        return int(self.fields.get("content-length", 0))

    @property
    def is_upgrade(self):
        return "upgrade" in self.fields.get("connection", "").lower()

    @property
    def keeps(self):
        return self.fields.get("connection", "").lower() != "close"


async def read_head(reader):
    """None: the peer has gone."""
    with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
        return Head(await reader.readuntil(b"\r\n\r\n"))


async def chunks(reader):
    while chunk := await reader.read(CHUNK_BYTES):
        yield chunk


def plain(status, reason, text):
    return (f"HTTP/1.1 {status} {reason}\r\nContent-Type: text/plain\r\nContent-Length: {len(text)}"
            f"\r\nConnection: close\r\n\r\n{text}").encode()


class HttpBalancer:
    def __init__(self, behind, port):
        self.behind = behind  # a RunService
        self.port = port
        self.relayed = []     # (target, instance's name), as they came
        self.cuts = 0
        self._tunnels = set()
        self._connections = set()
        self._server = None

    async def start(self):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port,
                                                  limit=HEAD_BYTES_MAX, backlog=4096)
        return self

    async def stop(self):
        self._server.close()
        for task in list(self._connections):
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def cut_all(self):
        """Every WebSocket is reset now, as at its hour."""
        for task in list(self._tunnels):
            task.cancel()

    async def _serve(self, reader, writer):
        task = asyncio.current_task()
        self._connections.add(task)
        try:
            while (head := await read_head(reader)) is not None:
                if not await self._request(head, reader, writer):
                    break
        except (OSError, asyncio.CancelledError, asyncio.IncompleteReadError):
            reset(writer)
        finally:
            self._connections.discard(task)
            writer.close()

    async def _request(self, head, reader, writer):
        """Whether the client's connection goes on behind it."""
        body = await reader.readexactly(head.length)
        await self.behind.link.delay()
        try:
            async with self.behind.admit() as instance:
                self.relayed.append((head.first[1], instance.name))
                return await self._relay(instance, head, body, reader, writer)
        except NoRoom as no_room:
            writer.write(plain(no_room.status, "Refused", str(no_room)))
            await writer.drain()
            return False

    async def _relay(self, instance, head, body, reader, writer):
        try:
            from_instance, to_instance = await asyncio.open_connection(
                "127.0.0.1", instance.port, limit=HEAD_BYTES_MAX)
        except OSError:
            writer.write(plain(503, "Service Unavailable", "The request failed."))
            return False
        try:
            to_instance.write(head.raw + body)
            answer = await read_head(from_instance)
            if answer is None:
                writer.write(plain(503, "Service Unavailable", "malformed response or connection "
                                                               "to the instance had an error"))
                return False
            await self.behind.link.delay()
            if answer.first[1] == "101":
                writer.write(answer.raw)
                await self._tunnel((reader, writer), (from_instance, to_instance))
                return False
            return await self._answer(head, answer, from_instance, writer)
        finally:
            to_instance.close()

    async def _answer(self, head, answer, from_instance, writer):
        body = b""
        if head.first[0] != "HEAD":
            known = "content-length" in answer.fields
            body = await (from_instance.readexactly(answer.length) if known
                          else from_instance.read())
        writer.write(answer.raw + body)
        await writer.drain()
        return head.keeps and answer.keeps and "content-length" in answer.fields

    # ---- WebSockets ----

    async def _tunnel(self, client, instance):
        """Bytes both ways until one side ends, or the request has lasted for its hour."""
        pumps = {asyncio.ensure_future(self._pump(client[0], instance[1])),
                 asyncio.ensure_future(self._pump(instance[0], client[1]))}
        tunnel = asyncio.ensure_future(asyncio.wait(
            pumps, timeout=self.behind.link.request_s_max or None,
            return_when=asyncio.FIRST_COMPLETED))
        self._tunnels.add(tunnel)
        try:
            done = (await asyncio.gather(tunnel, return_exceptions=True))[0]
        finally:
            self._tunnels.discard(tunnel)
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
        if isinstance(done, BaseException) or not done[0]:
            self.cuts += 1
            reset(client[1])
            reset(instance[1])
        elif any(pump.exception() for pump in done[0]):
            reset(client[1])
            reset(instance[1])

    async def _pump(self, source, sink):
        async for chunk in self.behind.link.carry(chunks(source)):
            sink.write(chunk)
            await sink.drain()
