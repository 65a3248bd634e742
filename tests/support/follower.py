"""A client that receives, acknowledges, reconnects and resumes, as the protocol asks of clients.

Every socket's frames are kept as they came; `problems` judges them before any is dropped."""

import asyncio

import websockets

from ws_client import Client

SILENCE_S = 2      # then a ping; and when that is not answered either, the next socket
REFUSED_S = 0.05   # before another attempt behind a refusal
SAME_SOCKET = ("hello", "event", "ready", "pong", "reconnect")


class Socket:
    """One socket, and what was true when it was opened."""

    def __init__(self, client, accepted, last, gateway=0):
        self.client = client
        self.gateway = gateway
        self.accepted = accepted  # events with a receipt: they belong before `ready`
        self.last = last          # the last event that the client had seen

    @property
    def frames(self):
        return self.client.frames


class Follower:
    """Gateways take turns. `accepted()` says how many events surely stand before a connection."""

    def __init__(self, urls, accepted, acks=True, silence_s=SILENCE_S, client=Client):
        self.urls = urls          # functions of the query
        self.accepted = accepted
        self.acks = acks
        self.silence_s = silence_s
        self.new_client = client
        self.sockets = []
        self.seen = []            # (sequence, data) of what is new to the client
        self.turn = 0
        self.generation = 0
        self.tries = 0
        self.last = None
        self.refused = 0
        self.silences = 0
        self._news = asyncio.Condition()

    @property
    def client(self):
        return self.sockets[-1].client

    @property
    def gateway(self):
        """The number of the gateway that the newest socket goes to."""
        return (self.turn - 1) % len(self.urls)

    async def reached(self, total):
        async with self._news:
            await self._news.wait_for(lambda: len(self.seen) >= total)

    async def connected(self, sockets):
        """`ready` on the socket of that number, or a later one."""
        async with self._news:
            await self._news.wait_for(
                lambda: len(self.sockets) > sockets
                or len(self.sockets) == sockets and self.client.of_type("ready"))

    async def follow(self, total):
        """Until `total` events were seen, over as many sockets as it takes."""
        while len(self.seen) < total:
            if await self.open():
                await self.listen(total)
                await self.tell()

    async def tell(self):
        async with self._news:
            self._news.notify_all()

    async def open(self):
        url = self.urls[self.turn % len(self.urls)]
        self.turn += 1
        self.tries += 1
        query = {"gen": self.generation, "try": self.tries}
        if self.last is not None:
            query.update(last_seq=self.last, seq_gen=self.generation)
        socket = Socket(self.new_client(), self.accepted(), self.last, self.gateway)
        try:
            await socket.client.connect(url(query))
        except (OSError, websockets.InvalidHandshake, asyncio.TimeoutError):
            self.refused += 1
            await asyncio.sleep(REFUSED_S)
            return False
        self.sockets.append(socket)
        return True

    async def listen(self, total):
        """Until the socket has ended, was asked to end, is silent, or has brought everything."""
        client, taken, pinged = self.client, 0, False
        while len(self.seen) < total:
            if not await client.more(taken, self.silence_s):
                if pinged:
                    self.silences += 1
                    return  # and whatever it still says is not listened to
                pinged = await self.say(client, type="ping")
                continue
            pinged = False
            fresh = client.frames[taken:]
            taken += len(fresh)
            self.take_all(fresh)
            asked = [frame for frame in fresh if frame["type"] == "reconnect"]
            if asked:  # the gateway wants the client to come back
                await asyncio.sleep(asked[0]["after_ms"] / 1000)
                await client.cut()
            if asked or not fresh:
                return
            if self.acks and any(frame["type"] == "event" for frame in fresh):
                await self.say(client, type="ack", seq=self.last)
            await self.tell()

    async def say(self, client, **frame):
        try:
            await client.send(**frame)
        except websockets.ConnectionClosed:
            pass
        return True

    def take_all(self, fresh):
        for frame in fresh:
            if frame["type"] == "hello":
                self.generation, self.tries = frame["generation"], 0
                if not frame["resumed"]:
                    self.last = None
            elif frame["type"] == "event" and frame["seq"] > (self.last or 0):
                if self.seen and frame["seq"] != self.seen[-1][0] + 1:
                    raise AssertionError(f"socket {len(self.sockets)}: {frame['seq']} came behind "
                                         f"{self.seen[-1][0]}: what lies between is lost")
                self.last = frame["seq"]
                self.seen.append((frame["seq"], frame["data"]))

    async def end(self):
        """Done: 1000 on the newest socket; the others are gone, or were left open in silence."""
        for socket in self.sockets[:-1]:
            if socket.client.code is None:
                await socket.client.cut()
        if self.sockets and self.client.code is None:
            if self.acks and self.last is not None:
                await self.say(self.client, type="ack", seq=self.last)
            await self.client.close()


# ---- what must be true of the frames ----


def numbered(frames):
    return [frame["seq"] for frame in frames if frame["type"] == "event"]


def socket_problems(socket):
    """What is wrong on one socket, whatever the others brought."""
    frames = socket.frames
    if not frames:
        return []
    kinds = [frame["type"] for frame in frames]
    problems = [f"unexpected {frame}" for frame in frames if frame["type"] not in SAME_SOCKET]
    if kinds[0] != "hello" or kinds.count("hello") != 1:
        return problems + [f"hello is not the first and only one: {kinds[:4]}"]
    hello = frames[0]
    sequences = numbered(frames)
    wanted = list(range(hello["next_seq"], hello["next_seq"] + len(sequences)))
    if sequences != wanted:
        problems.append(f"behind next_seq {hello['next_seq']}: "
                        f"{first_difference(sequences, wanted)}")
    if socket.last is not None and not hello["resumed"]:
        problems.append("the position was not taken")
    if hello["next_seq"] != (socket.last or 0) + 1 and socket.last is not None:
        problems.append(f"next_seq {hello['next_seq']} behind last_seq {socket.last}")
    return problems + ready_problems(socket, hello)


def first_difference(sequences, wanted):
    place = next(i for i, (is_, must) in enumerate(zip(sequences, wanted)) if is_ != must)
    return f"{sequences[place]} instead of {wanted[place]}"


def ready_problems(socket, hello):
    kinds = [frame["type"] for frame in socket.frames]
    if kinds.count("ready") > 1:
        return ["ready came twice"]
    if "ready" not in kinds:
        return []
    place = kinds.index("ready")
    before = len(numbered(socket.frames[:place]))
    problems = []
    if socket.frames[place]["replayed"] != before:
        problems.append(f"ready says {socket.frames[place]['replayed']} replayed, it was {before}")
    if hello["next_seq"] - 1 + before < socket.accepted:
        problems.append(f"ready behind {hello['next_seq'] - 1 + before}, though {socket.accepted} "
                        "were accepted before the socket was opened")
    return problems


def problems(follower, total):
    """Everything that is wrong: on each socket alone, and in what the client has seen of all."""
    found = [f"socket {number}: {text}" for number, socket in enumerate(follower.sockets, 1)
             for text in socket_problems(socket)]
    generations = [frame["generation"] for socket in follower.sockets
                   for frame in socket.frames if frame["type"] == "hello"]
    if generations != sorted(set(generations)):
        found.append(f"generations do not rise: {generations}")
    if not follower.client.of_type("ready"):
        found.append("the last socket never was ready")
    if [sequence for sequence, _ in follower.seen] != list(range(1, total + 1)):
        found.append(f"{len(follower.seen)} of {total} seen, or not in order")
    wrong = [(sequence, data.get("n")) for sequence, data in follower.seen
             if data.get("n") != sequence]
    if wrong:
        found.append(f"other events than were published: {wrong[:5]}")
    return found
