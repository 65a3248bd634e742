"""Clients that keep to the protocol: they resume, wait when they are told to, send again what was
not taken, and write down everything that must not happen to them."""

import asyncio
import collections
import random
import time

import websockets

from ws_client import FIVE, Client

PATIENCE_S = 60
REFUSED_S = 0.1       # before another attempt when nobody said how long
STOP = (1000, 4500, 4501, 4502, 4504)


class PlatformClient:
    """`url(query)` names where to connect. `silence_s`: after so long without a frame it asks
    whether anybody is there, and after as long again it goes elsewhere."""

    def __init__(self, url, session, silence_s=None):
        self.url = url
        self.session = session
        self.silence_s = silence_s
        self.client = None
        self.generation, self.tries, self.last = 0, 0, 0
        self.hellos = []
        self.seen = []              # (sequence, frame) of what is new to it
        self.wrong = []             # what must not happen
        self.closes = collections.Counter()
        self.refusals = collections.Counter()
        self.told = []              # after_ms of reconnect frames
        self.waits_s = []           # as refusals asked for
        self.interruptions_s = []   # from the end of a socket to the next `ready`
        self.acked = set()
        self._unsent = {}           # messages that the backend has not taken
        self._lost_at = None
        self._leaving = False
        self._news = asyncio.Condition()
        self._task = None

    def start(self):
        self._task = asyncio.ensure_future(self._live())
        return self

    # ---- what a test asks of it ----

    async def until(self, condition, what, timeout=PATIENCE_S):
        async with self._news:
            try:
                await asyncio.wait_for(self._news.wait_for(
                    lambda: condition(self) or self._task.done()), timeout)
            except asyncio.TimeoutError:
                raise AssertionError(f"{self}: not in {timeout} s: {what}") from None
        if not condition(self):
            await self._task
            raise AssertionError(f"{self}: it ended before {what}")
        return self

    async def served(self, sockets=1):
        """`ready` on a socket of that number or a later one."""
        return await self.until(lambda c: len(c.hellos) >= sockets and c.is_ready, "ready")

    @property
    def is_ready(self):
        return self.client is not None and self.client.code is None and self._lost_at is None

    async def message(self, message_id):
        self._unsent[message_id] = True
        if self.is_ready:
            await self._say(type="message", id=message_id, data={"text": message_id})

    async def run(self, message_id):
        """A message, and all that its run brings."""
        await self.message(message_id)
        return await self.until(lambda c: len(c.run_of(message_id)) >= len(FIVE),
                                f"the run of {message_id}")

    async def cut(self):
        if self.client is not None and self.client.code is None:
            await self.client.cut()

    async def leave(self):
        """Done: 1000, behind an acknowledgement of everything."""
        if self._task is None:
            return
        self._leaving = True
        if self.is_ready:
            await self.client.close()
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        if self.client is not None and self.client.code is None:
            await self.client.cut()

    # ---- what it has to say ----

    def run_of(self, message_id):
        """The names of the events of the run that this message began."""
        runs = [frame["run"] for _, frame in self.seen if frame["event"] == FIVE[0]
                and frame["data"].get("message_id") == message_id]
        return [frame["event"] for _, frame in self.seen if frame.get("run") in runs]

    def problems(self):
        found = list(self.wrong)
        sequences = [sequence for sequence, _ in self.seen]
        if sequences != list(range(1, len(sequences) + 1)):
            found.append(f"sequences are not 1, 2, 3 ...: {sequences}")
        found += [f"closed with {code}" for code in self.closes if code in (1002, 1011)]
        if self.hellos != sorted(set(self.hellos)):
            found.append(f"generations do not rise: {self.hellos}")
        return [f"{self}: {text}" for text in found]

    def __repr__(self):
        return (f"{self.session} ({len(self.hellos)} hellos, {len(self.seen)} events, closes "
                f"{dict(self.closes)}, refusals {dict(self.refusals)})")

    # ---- its life ----

    async def _live(self):
        while not self._leaving:
            wait_s = await self._connect()
            if wait_s is None:
                wait_s = await self._listen()
            if wait_s is None:
                return
            await asyncio.sleep(wait_s)

    async def _tell(self):
        async with self._news:
            self._news.notify_all()

    async def _connect(self):
        """None: connected. Otherwise how long to wait before the next attempt."""
        self.tries += 1
        query = {"session": self.session, "gen": self.generation, "try": self.tries}
        if self.last:
            query.update(last_seq=self.last, seq_gen=self.generation)
        client = Client()
        try:
            await client.connect(self.url(query), compression=None)
        except websockets.InvalidStatusCode as refused:
            self.refusals[refused.status_code] += 1
            after_s = refused.headers.get("Retry-After")
            await self._tell()
            if after_s:
                self.waits_s.append(float(after_s))
                return float(after_s)
            return REFUSED_S * (0.5 + random.random())
        except (OSError, websockets.InvalidHandshake, asyncio.TimeoutError):
            self.refusals["lost"] += 1
            return REFUSED_S * (0.5 + random.random())
        self.client = client
        return None

    async def _listen(self):
        """Until the socket ends: how long to wait then. None: it was told to stop."""
        client, taken, asked, wait_s = self.client, 0, False, 0.0
        while True:
            if not await client.more(taken, self.silence_s):
                if asked:
                    await client.cut()
                asked = await self._say(type="ping")
                continue
            asked = False
            fresh = client.frames[taken:]
            taken += len(fresh)
            for frame in fresh:
                wait_s = await self._take(frame, client, wait_s)
            if any("seq" in frame for frame in fresh):
                await self._say(type="ack", seq=self.last)
            await self._tell()
            if not fresh and client.code is not None:
                return await self._ended(client.code, wait_s)

    async def _ended(self, code, wait_s):
        self.closes[code] += 1
        if self._lost_at is None:
            self._lost_at = time.monotonic()
        await self._tell()
        return None if code in STOP or self._leaving else wait_s

    async def _take(self, frame, client, wait_s):
        kind = frame["type"]
        if kind == "hello":
            self._hello(frame)
        elif kind == "ready":
            await self._ready()
        elif kind == "event" and "seq" in frame:
            self._event(frame)
        elif kind == "ack":
            self.acked.add(frame["id"])
            self._unsent.pop(frame["id"], None)
        elif kind == "reconnect":
            self.told.append(frame["after_ms"])
            return frame["after_ms"] / 1000
        elif kind == "error" and frame.get("retryable"):
            self.refusals[frame["code"]] += 1
            asyncio.get_running_loop().call_later(REFUSED_S, self._again, client, frame["id"])
        elif kind in ("lost", "error"):
            self.wrong.append(str(frame))
        return wait_s

    def _again(self, client, message_id):
        if message_id in self._unsent and client is self.client and client.code is None:
            asyncio.ensure_future(self._say(type="message", id=message_id,
                                            data={"text": message_id}))

    def _hello(self, frame):
        if self.hellos and not frame["resumed"] and self.last:
            self.wrong.append(f"not resumed behind {self.last}")
        self.generation, self.tries = frame["generation"], 0
        self.hellos.append(frame["generation"])
        self._next = frame["next_seq"]

    async def _ready(self):
        if self._lost_at is not None:
            self.interruptions_s.append(time.monotonic() - self._lost_at)
            self._lost_at = None
        for message_id in list(self._unsent):
            await self._say(type="message", id=message_id, data={"text": message_id})

    def _event(self, frame):
        if frame["seq"] != self._next:
            self.wrong.append(f"{frame['seq']} where {self._next} belongs")
        self._next = frame["seq"] + 1
        if frame["seq"] > self.last:
            self.last = frame["seq"]
            self.seen.append((frame["seq"], frame))

    async def _say(self, **frame):
        try:
            await self.client.send(**frame)
        except (websockets.ConnectionClosed, OSError):
            pass
        return True
