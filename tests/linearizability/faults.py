"""What is done to the processes of a run and to what lies between them."""

import asyncio
import collections
import signal
import time

from cut_proxy import DOWN, UP

SLOW_MACHINE_S = 0.25


class Faults:
    """Two tracks, one fault at a time on each: the coordinator and the callers' network, and the
    gateways and theirs. What every run must have comes first, in random order."""

    def __init__(self, bed, random, lines, lease_ttl, store=None):
        self.bed = bed
        self.store = store  # one that can be killed and started again, or None
        self.random = random
        self.lines = lines
        self.long_s = lease_ttl * 1.5 + 1.5  # surely longer than any lease
        self.counts = collections.Counter()

    async def run(self, until):
        await asyncio.gather(self.track(until, self.coordinator_faults()),
                             self.track(until, self.gateway_faults()), self.watch_machine(until))

    async def track(self, until, plan):
        for fault in plan:
            await asyncio.sleep(self.random.uniform(0.2, 1.2))
            if time.monotonic() > until:
                return
            await fault()

    def coordinator_faults(self):
        must = [self.kill_coordinator, self.pause_coordinator, self.cut_callers,
                self.clog_callers_long]
        store = [self.kill_store] if self.store else []
        must += store
        self.random.shuffle(must)
        yield from must
        while True:
            yield self.random.choice([self.kill_coordinator, self.pause_coordinator, *store,
                                      self.cut_callers, self.clog_callers, self.delay_callers])

    def gateway_faults(self):
        must = [self.gateway_away_long, self.kill_gateway, self.pause_gateway, self.cut_link]
        self.random.shuffle(must)
        yield from must
        while True:
            yield self.random.choice([self.kill_gateway, self.pause_gateway, self.cut_link,
                                      self.clog_link, self.gateway_away_long])

    async def during(self, whom, what, seconds, begin, end):
        """Does it, and keeps from when until when it may have been felt."""
        line = {"kind": "fault", "what": what, "whom": whom, "from": time.monotonic(),
                "until": None}
        self.counts[what] += 1
        begin()
        try:
            await asyncio.sleep(seconds)
        finally:
            ended = end()
            if ended is not None:
                await ended
            line["until"] = time.monotonic()
            self.lines.append(line)

    # ---- processes ----

    async def kill(self, service, down_s):
        async def start_again():
            service.start()
            await asyncio.to_thread(service.wait_ready)
        await self.during(service.name, "kill", down_s, service.kill, start_again)

    async def pause(self, service, seconds):
        await self.during(service.name, "pause", seconds,
                          lambda: service.process.send_signal(signal.SIGSTOP),
                          lambda: service.process.send_signal(signal.SIGCONT))

    async def kill_coordinator(self):
        await self.kill(self.random.choice(self.bed.coordinators), self.random.uniform(0.0, 0.8))

    async def pause_coordinator(self):
        await self.pause(self.random.choice(self.bed.coordinators),
                         self.random.choice([0.2, 0.7, 1.5]))

    async def kill_store(self):
        """The server, or the leader of several; it comes back with what it had."""
        server = await asyncio.to_thread(self.store.leader)

        async def start_again():
            await asyncio.to_thread(server.start)
        await self.during("store", "kill_store", self.random.uniform(0.0, 0.5), server.kill,
                          start_again)

    async def kill_gateway(self):
        await self.kill(self.random.choice(self.bed.gateways), self.random.uniform(0.0, 1.0))

    async def pause_gateway(self):
        await self.pause(self.random.choice(self.bed.gateways),
                         self.random.choice([0.3, 1.0, 2.0]))

    async def gateway_away_long(self):
        """Longer than its lease lasts."""
        number = self.random.randrange(len(self.bed.gateways))
        service, link = self.bed.gateways[number], self.bed.links[number]
        how = self.random.choice(["kill", "pause", "cut", "clog"])
        if how == "kill":
            await self.kill(service, self.long_s)
        elif how == "pause":
            await self.pause(service, self.long_s)
        else:
            await self.block(f"link-{number}", link, how, self.long_s)

    # ---- the network ----

    async def block(self, whom, proxy, how, seconds):
        if how == "cut":
            await self.during(whom, "cut", seconds, lambda: proxy.cut(refuse=True), proxy.heal)
            return
        # What still comes through upwards keeps a lease alive: a long fault is to end it.
        long = seconds >= self.long_s
        directions = self.random.choice([(UP, DOWN), (UP,)] if long else
                                        [(UP, DOWN), (UP,), (DOWN,)])
        await self.during(whom, "clog", seconds, lambda: proxy.clog(*directions), proxy.heal)

    async def cut_link(self):
        number = self.random.randrange(len(self.bed.links))
        await self.block(f"link-{number}", self.bed.links[number], "cut",
                         self.random.choice([0.0, 0.3, 1.0]))

    async def clog_link(self):
        number = self.random.randrange(len(self.bed.links))
        await self.block(f"link-{number}", self.bed.links[number], "clog",
                         self.random.choice([0.3, 1.0, 2.0]))

    async def cut_callers(self):
        await self.block("callers", self.random.choice(self.bed.callers_links), "cut",
                         self.random.choice([0.0, 0.3, 0.8]))

    async def clog_callers(self):
        await self.block("callers", self.random.choice(self.bed.callers_links), "clog",
                         self.random.choice([0.3, 0.8]))

    async def clog_callers_long(self):
        await self.block("callers", self.random.choice(self.bed.callers_links), "clog", self.long_s)

    async def delay_callers(self):
        proxy = self.random.choice(self.bed.callers_links)

        def slow_down():
            proxy.delay_s = 0.15

        await self.during("callers", "delay", 1.0, slow_down, proxy.heal)

    # ---- the machine ----

    async def watch_machine(self, until):
        """A machine that stands still takes leases away without any fault of ours."""
        before = time.monotonic()
        while before < until:
            await asyncio.sleep(0.05)
            now = time.monotonic()
            if now - before > SLOW_MACHINE_S:
                self.lines.append({"kind": "fault", "what": "slow", "whom": "machine",
                                   "from": before, "until": now})
                self.counts["slow"] += 1
            before = now
