"""A service as the platform runs it: revisions that share the traffic, instances that come and go
with the need, and a limit of requests for each instance.

Nobody can ask for an instance: each request goes to the next one of its revision that has room."""

import asyncio
import contextlib
import random
import time

TOO_MANY, NO_INSTANCE = 429, 503
QUEUE_S_MIN = 0.3           # the platform's ten seconds, scaled down
QUEUE_COLD_STARTS = 3.5     # and its multiple of a mean start
ON_THE_WAY_MAX = 1000       # messages of one direction of one request


class NoRoom(Exception):
    """What the edge answers when no instance has room."""

    def __init__(self, status):
        super().__init__("Rate exceeded." if status == TOO_MANY else "no available instance")
        self.status = status


class Revision:
    """`make(name)` gives an Instance that has not been started."""

    def __init__(self, name, make, instances_max):
        self.name = name
        self.make = make
        self.instances_max = instances_max
        self.instances = []
        self.starting = 0
        self.made = 0
        self.share = 0
        self.turn = 0

    def next_with_room(self, concurrency):
        """They take turns; None: each is full, or there is none."""
        ready = [one for one in self.instances if one.taking and one.requests < concurrency]
        if not ready:
            return None
        self.turn += 1
        return ready[self.turn % len(ready)]


class Link:
    """What every request meets on its way. All in seconds; 0 for none."""

    def __init__(self, latency_s=0.0, jitter_s=0.0, request_s_max=0.0):
        self.latency_s = latency_s
        self.jitter_s = jitter_s
        self.request_s_max = request_s_max  # the scaled hour

    def latency(self):
        return self.latency_s + random.random() * self.jitter_s

    async def delay(self):
        if self.latency_s or self.jitter_s:
            await asyncio.sleep(self.latency())

    async def carry(self, source):
        """What an asynchronous iterator brings, each item that much later, in the same order: a
        delay, and not a narrower line."""
        on_the_way = asyncio.Queue(ON_THE_WAY_MAX)

        async def read():
            try:
                async for item in source:
                    await on_the_way.put((time.monotonic() + self.latency(), item, None))
                await on_the_way.put((0, None, StopAsyncIteration()))
            except Exception as error:  # pylint: disable=broad-except
                await on_the_way.put((0, None, error))
        reading = asyncio.ensure_future(read())
        try:
            while True:
                due, item, end = await on_the_way.get()
                if end is not None:
                    break
                await asyncio.sleep(max(0, due - time.monotonic()))
                yield item
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
        if not isinstance(end, StopAsyncIteration):
            raise end


class RunService:
    def __init__(self, name, concurrency=1000, cold_s=0.0, link=None):
        self.name = name
        self.concurrency = concurrency
        self.cold_s = cold_s
        self.link = link or Link()
        self.revisions = {}
        self.refused = {TOO_MANY: 0, NO_INSTANCE: 0}
        self.ended = []             # instances that have been, for their logs
        self._starts = set()
        self._news = asyncio.Condition()

    # ---- revisions ----

    async def deploy(self, name, make, instances=1, instances_max=10, share=0):
        """Its first instances are up when this returns; traffic is another matter."""
        revision = self.revisions[name] = Revision(name, make, instances_max)
        await asyncio.gather(*(self._start(revision, 0.0) for _ in range(instances)))
        if share:
            self.traffic(**{name: share})
        return revision

    def traffic(self, **shares):
        for name, revision in self.revisions.items():
            revision.share = shares.get(name, 0)

    def instances(self):
        return [one for revision in self.revisions.values() for one in revision.instances]

    def all_instances(self):
        return self.ended + self.instances()

    async def _start(self, revision, cold_s):
        revision.starting += 1
        revision.made += 1
        try:
            instance = await revision.make(f"{self.name}-{revision.name}-{revision.made}") \
                .come_up(cold_s)
        finally:
            revision.starting -= 1
        revision.instances.append(instance)
        await self._tell()
        return instance

    async def add(self, name):
        return await self._start(self.revisions[name], self.cold_s)

    async def end(self, instance, **terminate):
        """As the platform ends one; what became of it."""
        ending = await instance.terminate(**terminate)
        self._forget(instance)
        return ending

    def kill(self, instance):
        """As a crash does."""
        instance.destroy()
        self._forget(instance)

    def _forget(self, instance):
        for revision in self.revisions.values():
            if instance in revision.instances:
                revision.instances.remove(instance)
                self.ended.append(instance)

    async def stop(self):
        for task in list(self._starts):
            task.cancel()
        await asyncio.gather(*self._starts, return_exceptions=True)
        await asyncio.gather(*(self.end(one) for one in self.instances()))

    # ---- requests ----

    @contextlib.asynccontextmanager
    async def admit(self):
        """An instance of its choice for one request; NoRoom when there is none in time."""
        instance = await self._choose()
        instance.requests += 1
        instance.served += 1
        try:
            yield instance
        finally:
            instance.requests -= 1
            await asyncio.shield(self._tell())

    async def _choose(self):
        deadline = time.monotonic() + max(QUEUE_S_MIN, QUEUE_COLD_STARTS * self.cold_s)
        revision = self._revision()
        while True:
            instance = revision and revision.next_with_room(self.concurrency)
            if instance:
                return instance
            if revision:
                self._scale(revision)
            async with self._news:
                try:
                    await asyncio.wait_for(self._news.wait(), deadline - time.monotonic())
                except asyncio.TimeoutError:
                    status = TOO_MANY if revision and revision.instances else NO_INSTANCE
                    self.refused[status] += 1
                    raise NoRoom(status) from None

    def _revision(self):
        sharing = [one for one in self.revisions.values() if one.share]
        if not sharing:
            return None
        return random.choices(sharing, [one.share for one in sharing])[0]

    def _scale(self, revision):
        if revision.starting or len(revision.instances) >= revision.instances_max:
            return
        task = asyncio.ensure_future(self._start(revision, self.cold_s))
        self._starts.add(task)
        task.add_done_callback(self._starts.discard)

    async def _tell(self):
        async with self._news:
            self._news.notify_all()
