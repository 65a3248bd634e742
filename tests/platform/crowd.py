"""Thousands of clients in one process: each knows just enough of WebSockets to be greeted, to be
told to go, and to come back. What clients of other makes see, the other scenarios show."""

import asyncio
import base64
import json
import os
import struct

FIN_TEXT, CLOSE, PING = 0x81, 0x88, 0x89
PONG = 0x8A
MASK = b"\0\0\0\0"  # of the client's frames: they must have one, and need not hide anything
AT_ONCE = 200
PATIENCE_S = 120


def frame(opcode, payload=b""):
    return bytes((opcode, 0x80 | len(payload))) + MASK + payload  # below 126 bytes


class Member(asyncio.Protocol):
    """One socket."""

    def __init__(self, session, news):
        self.session = session
        self.news = news          # called when anything has changed
        self.status = None        # of the upgrade
        self.hello = None
        self.ready = False
        self.told_ms = None       # by the reconnect frame
        self.code = None
        self.reason = ""
        self.ended = False
        self._buffer = b""
        self._transport = None

    def connection_made(self, transport):
        self._transport = transport
        key = base64.b64encode(os.urandom(16)).decode()
        transport.write((f"GET /ws?session={self.session} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket"
                         "\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                         "Sec-WebSocket-Protocol: interlock.v1\r\n"
                         f"Sec-WebSocket-Key: {key}\r\n\r\n").encode())

    def connection_lost(self, _):
        self.ended = True
        self.news()

    def data_received(self, data):
        self._buffer += data
        if self.status is None:
            head, end, rest = self._buffer.partition(b"\r\n\r\n")
            if not end:
                return
            self.status, self._buffer = int(head.split(b" ")[1]), rest
        if self.status == 101:
            while self._take_frame():
                pass
        self.news()

    def _take_frame(self):
        if len(self._buffer) < 2:
            return False
        opcode, length, start = self._buffer[0], self._buffer[1], 2
        if length == 126:
            if len(self._buffer) < 4:
                return False
            length, start = struct.unpack(">H", self._buffer[2:4])[0], 4
        if len(self._buffer) < start + length:
            return False
        payload = self._buffer[start:start + length]
        self._buffer = self._buffer[start + length:]
        self._take(opcode, payload)
        return True

    def _take(self, opcode, payload):
        if opcode == PING:
            self._transport.write(frame(PONG, payload))
        elif opcode == CLOSE:
            self.code = struct.unpack(">H", payload[:2])[0]
            self.reason = payload[2:].decode()
            self._transport.write(frame(CLOSE, payload[:2]))
            self._transport.close()
        elif opcode == FIN_TEXT:
            said = json.loads(payload)
            if said["type"] == "hello":
                self.hello = said
            elif said["type"] == "ready":
                self.ready = True
            elif said["type"] == "reconnect":
                self.told_ms = said["after_ms"]

    def leave(self):
        if not self.ended:
            self._transport.abort()


class Crowd:
    """So many sessions, each with its newest socket."""

    def __init__(self, number, prefix="crowd"):
        self.sessions = [f"{prefix}{n}" for n in range(number)]
        self.members = {}
        self.refused = 0
        self._changed = asyncio.Event()
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def connect(self, port, sessions=None, told=False):
        """All of them to this port; `told`: each when the frame that sent it away said."""
        await asyncio.gather(*(self._one(port, session, told)
                               for session in sessions or self.sessions))

    async def _one(self, port, session, told):
        loop = asyncio.get_running_loop()
        if told:
            await asyncio.sleep((self.members[session].told_ms or 0) / 1000)
        while True:
            async with self._slots:
                member = Member(session, self._changed.set)
                await loop.create_connection(lambda: member, "127.0.0.1", port)
                await self.until(lambda: member.ready or member.ended)
            if member.ready:
                self.members[session] = member
                return
            self.refused += 1
            await asyncio.sleep(0.2)

    async def until(self, condition, timeout=PATIENCE_S):
        async def wait():
            while not condition():
                self._changed.clear()
                await self._changed.wait()
        await asyncio.wait_for(wait(), timeout)

    def leave(self):
        for member in self.members.values():
            member.leave()
