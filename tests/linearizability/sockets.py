"""Clients of the real gateways on the same keys: what their sockets show of the gateways' claims."""

import asyncio
import json
import time

import websockets

from callers import WEIGHTS
from record_model import NAMES

NUMBERS = {name: number for number, name in enumerate(NAMES)}


class SocketClient:
    """Connects, stays a while, and leaves in one of several ways; one socket is one line."""

    def __init__(self, name, gateways, sessions, random, lines):
        self.name = name
        self.gateways = gateways    # (port, whether it has a backend)
        self.sessions = sessions
        self.random = random
        self.lines = lines
        self.attempts = {}          # by session: [generation of the last hello, tries since]
        self.number = 0
        self.strange = []

    async def run(self, stop):
        while not stop.is_set():
            await self.one_socket(self.random.choices(self.sessions, WEIGHTS)[0], stop)
            await asyncio.sleep(self.random.uniform(0.02, 0.3))

    def attempt_for(self, session):
        known = self.attempts.setdefault(session, [0, 0])
        known[1] += 1
        if self.random.random() < 0.3:
            return None
        return list(known)

    async def one_socket(self, session, stop):
        gateway = self.random.randrange(len(self.gateways))
        port, backend = self.gateways[gateway]
        attempt = self.attempt_for(session)
        url = f"ws://127.0.0.1:{port}/ws?session={session}&states=1"
        if attempt is not None:
            url += f"&gen={attempt[0]}&try={attempt[1]}"
        self.number += 1
        line = {"key": f"anonymous:{session}", "kind": "socket",
                "who": f"{self.name}.{self.number}", "gateway": gateway, "backend": backend,
                "asked": {} if attempt is None else {"attempt": attempt},
                "call": time.monotonic(), "hello": None, "generation": None, "frames": [],
                "frames_before_ready": None, "refused": None, "left": None, "said_done": False,
                "ended": None, "code": None}
        try:
            socket = await websockets.connect(
                url, subprotocols=["interlock.v1"], ping_interval=None, open_timeout=4,
                close_timeout=1, max_size=None)
        except ConnectionRefusedError:
            return  # nobody was there to claim anything
        except websockets.InvalidStatusCode as error:
            self.refused(line, error.status_code)
            return
        except (OSError, asyncio.TimeoutError, websockets.WebSocketException, EOFError):
            self.lines.append(line)
            return
        reader = asyncio.ensure_future(self.read(socket, line, session))
        try:
            await self.stay(socket, reader, line, stop)
        finally:
            socket.transport.abort()
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)
            if line["ended"] is None:
                line["ended"] = time.monotonic()
            self.lines.append(line)

    def refused(self, line, status):
        if status == 409:
            line["refused"] = time.monotonic()
        elif status not in (429, 503):
            self.strange.append(f"HTTP {status}")
        if status != 429:
            self.lines.append(line)

    async def read(self, socket, line, session):
        try:
            async for text in socket:
                frame = json.loads(text)
                now = time.monotonic()
                if frame["type"] == "hello":
                    line["hello"] = now
                    line["generation"] = frame["generation"]
                    self.attempts[session] = [frame["generation"], 0]
                elif frame["type"] == "state":
                    line["frames"].append([now, NUMBERS[frame["state"]]])
                elif frame["type"] == "ready" and line["frames_before_ready"] is None:
                    line["frames_before_ready"] = len(line["frames"])
        except (websockets.ConnectionClosed, OSError):
            pass
        line["ended"] = time.monotonic()
        line["code"] = socket.close_code

    async def stay(self, socket, reader, line, stop):
        stay_s = self.random.choice([0.0, 0.05, 0.3, 0.8, 1.5, 3.0])
        stopped = asyncio.ensure_future(stop.wait())
        await asyncio.wait([reader, stopped], timeout=stay_s,
                           return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if reader.done():
            return  # the gateway ended it
        line["left"] = time.monotonic()
        if self.random.random() < 0.25:
            line["said_done"] = True
            try:
                await asyncio.wait_for(socket.close(1000), 3)
            except (asyncio.TimeoutError, OSError, websockets.WebSocketException):
                pass
