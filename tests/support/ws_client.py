"""A WebSocket client (Debian's python3-websockets) that keeps every raw frame that it was sent."""

import asyncio
import json
import logging

import websockets

logging.getLogger("asyncio").setLevel(logging.ERROR)  # slow callbacks of a busy machine are no news

FIVE = ["agent_started", "agent_thinking", "tool_executing", "tool_completed", "agent_completed"]


class Client:
    """Frames are kept as they came, before any removal of duplicates."""

    def __init__(self):
        self.frames = []
        self.socket = None
        self.code = None
        self.reason = None
        self._reader = None
        self._news = asyncio.Condition()

    async def connect(self, url, headers=None, subprotocols=("interlock.v1",), origin=None,
                      **options):
        self.socket = await websockets.connect(
            url, subprotocols=list(subprotocols), extra_headers=headers or {}, origin=origin,
            ping_interval=None, open_timeout=20, close_timeout=5, max_size=None, **options)
        self._reader = asyncio.ensure_future(self._read())
        return self

    async def _read(self):
        try:
            async for text in self.socket:
                async with self._news:
                    self.frames.append(json.loads(text))
                    self._news.notify_all()
        except websockets.ConnectionClosed:
            pass
        async with self._news:
            self.code = self.socket.close_code
            self.reason = self.socket.close_reason
            self._news.notify_all()

    async def wait(self, condition, what, timeout=30):
        """Until `condition(self)` holds."""
        async def until():
            async with self._news:
                await self._news.wait_for(lambda: condition(self) or self.code is not None)
        try:
            await asyncio.wait_for(until(), timeout)
        except asyncio.TimeoutError:
            raise AssertionError(f"no {what} in {timeout} s; frames: {self.frames}") from None
        if not condition(self):
            raise AssertionError(
                f"closed with {self.code} {self.reason!r} before {what}; frames: {self.frames}")

    async def more(self, known, timeout):
        """Until there are more than `known` frames or the socket has ended; False: neither."""
        async def until():
            async with self._news:
                await self._news.wait_for(
                    lambda: len(self.frames) > known or self.code is not None)
        try:
            await asyncio.wait_for(until(), timeout)
        except asyncio.TimeoutError:
            return False
        return True

    async def wait_closed(self, timeout=30):
        async def until():
            async with self._news:
                await self._news.wait_for(lambda: self.code is not None)
        await asyncio.wait_for(until(), timeout)
        return self.code

    def of_type(self, kind):
        return [frame for frame in self.frames if frame["type"] == kind]

    @property
    def hello(self):
        return self.of_type("hello")[0]

    def events(self):
        """Durable events, as (sequence, name)."""
        return [(frame["seq"], frame["event"]) for frame in self.of_type("event") if "seq" in frame]

    async def ready(self, timeout=30):
        await self.wait(lambda c: c.of_type("ready"), "ready", timeout)
        return self

    async def send(self, **frame):
        await self.socket.send(json.dumps(frame))

    async def message(self, message_id, data=None):
        await self.send(type="message", id=message_id, data=data or {"text": message_id})

    async def ack(self, sequence):
        await self.send(type="ack", seq=sequence)

    async def wait_events(self, number, timeout=60):
        await self.wait(lambda c: len(c.events()) >= number, f"{number} events", timeout)

    async def cut(self):
        """As a network does: no close frame."""
        self.socket.transport.abort()
        await self.wait_closed()

    async def close(self, code=1000):
        await self.socket.close(code)
        await self.wait_closed()
