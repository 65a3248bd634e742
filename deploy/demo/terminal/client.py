"""A client that keeps the protocol's rules, over one socket after the other."""

import asyncio
import contextlib
import itertools
import json
import secrets
import urllib.parse

import websockets

from terminal import PATIENCE_S, Wrong, expect, short

PASSING_BY = ("pong", "ack", "state")  # frames that this client does not wait for


class Client:
    def __init__(self, session, screen):
        self.session = session
        self.screen = screen
        self.generation = 0
        self.last_seq = 0
        self.events = []    # once each, in order of arrival
        self.arrivals = []  # (seq, gateway, seconds) of them
        self.repeated = 0   # frames dropped because their number was not above the last one
        self.tokens = 0
        self.ready = []     # the barrier of each socket
        self.spans = []     # (gateway, from, to) of each socket
        self.frames = asyncio.Queue()
        self.socket = None
        self.reader = None

    async def connect(self, gateway, address, resume):
        """Over a new socket, up to its hello."""
        query = {"session": self.session, "gen": self.generation}
        if resume:
            query["last_seq"] = self.last_seq
        try:
            self.socket = await asyncio.wait_for(self.open(gateway, address, query), PATIENCE_S)
        except (OSError, asyncio.TimeoutError, websockets.WebSocketException) as error:
            what = str(error) or f"no answer within {PATIENCE_S} s"
            raise Wrong(f"gateway {gateway} did not take the client: {what}") from error
        self.frames = asyncio.Queue()
        self.spans.append([gateway, self.screen.now(), None])
        self.reader = asyncio.create_task(self.read(self.socket, self.frames))
        hello = await self.next("hello")
        self.generation = int(hello["generation"])
        self.screen.say("client", f"hello: generation {short(self.generation)}, resumed "
                        f"{str(hello['resumed']).lower()}, next_seq {hello['next_seq']}")
        return hello

    async def open(self, gateway, address, query):
        """As often as it takes: a gateway that cannot serve yet says when to come back."""
        for tries in itertools.count(1):
            url = f"ws://{address}/ws?{urllib.parse.urlencode(query | {'try': tries})}"
            self.screen.say("client", f"connects through gateway {gateway}: {url}", "blue")
            try:
                return await websockets.connect(url, subprotocols=["interlock.v1"])
            except websockets.InvalidStatusCode as refused:
                if refused.status_code not in (429, 503):
                    raise
                self.screen.say("client", f"not now ({refused.status_code})", "yellow")
                await asyncio.sleep(float(refused.headers.get("Retry-After", 1)))

    @staticmethod
    async def read(socket, frames):
        with contextlib.suppress(websockets.ConnectionClosed):
            async for text in socket:
                frames.put_nowait(json.loads(text))
        frames.put_nowait({"type": "closed", "code": socket.close_code,
                           "reason": socket.close_reason})

    async def next(self, wanted):
        """The next frame of a type; what else a healthy connection brings is taken on the way."""
        while True:
            try:
                frame = await asyncio.wait_for(self.frames.get(), PATIENCE_S)
            except asyncio.TimeoutError:
                raise Wrong(f"no {wanted} frame came within {PATIENCE_S} s") from None
            if frame["type"] == "event" and "seq" not in frame:
                self.tokens += 1
                self.screen.say("client", f"   {frame['event']} {frame['data']['text']}", "faint")
                continue
            if frame["type"] == "ready":
                self.ready.append(frame)
                self.screen.say("client", f"ready: {frame['state']}, {frame['replayed']} replayed")
            if frame["type"] == wanted:
                return frame
            expect(frame["type"] in PASSING_BY + ("ready",),
                   f"the client waited for {wanted} and got {json.dumps(frame)}")

    async def send(self, text):
        message = {"type": "message", "id": f"m-{secrets.token_hex(4)}", "data": {"text": text}}
        await self.socket.send(json.dumps(message))
        self.screen.say("client", f"sends \"{text}\"", "blue")

    async def receive_event(self):
        """The next event that was not seen before; it is acknowledged."""
        while True:
            event = await self.next("event")
            if event["seq"] > self.last_seq:
                break
            self.repeated += 1
        expect(event["seq"] == self.last_seq + 1, f"#{event['seq']} came behind #{self.last_seq}")
        self.last_seq = event["seq"]
        self.events.append(event)
        self.arrivals.append((event["seq"], self.spans[-1][0], self.screen.now()))
        self.screen.say("client", f"#{event['seq']:<2} {event['event']:<15} "
                        f"{json.dumps(event['data'], ensure_ascii=False)}", "green")
        await self.socket.send(json.dumps({"type": "ack", "seq": event["seq"]}))
        return event

    async def cut(self):
        """The network goes away: no close frame, no goodbye."""
        self.socket.transport.abort()
        await self.ended()

    async def say_done(self):
        await self.socket.close(1000)
        await self.ended()
        return self.socket.close_code

    async def ended(self):
        await self.reader
        self.spans[-1][2] = self.screen.now()
