"""A publisher and a client of one key, through whatever a test does to them, and the verdict."""

import asyncio
import os
import time
import unittest

from follower import Follower, problems
from publisher import Publisher, planned
from stack import Stack, count

EVENTS = 10_000 if os.environ.get("INTERLOCK_FULL") == "1" else 1_000
OUTBOX = 200
SCENARIO_S_MAX = 600 if EVENTS > 1_000 else 90
PATIENCE_S = 30
COORDINATOR = [f"--outbox_events_max={OUTBOX}", "--takeovers_per_minute_max=0"]
GATEWAY = ["--drain_budget=2s"]


def url_of(port, session):
    def url(query):
        text = "&".join(f"{name}={value}" for name, value in dict(query, session=session).items())
        return f"ws://127.0.0.1:{port}/ws?{text}"
    return url


async def until(condition, what):
    deadline = time.monotonic() + PATIENCE_S
    while not await asyncio.to_thread(condition):
        if time.monotonic() > deadline:
            raise AssertionError(f"not in {PATIENCE_S} s: {what}")
        await asyncio.sleep(0.02)


class Scenario:
    """A publisher and a client of one key, and what happens to them on the way."""

    def __init__(self, stack, session, ports=None, publisher_port=None, plan=planned, pad=0,
                 **follower):
        self.stack = stack
        self.key = f"anonymous:{session}"
        self.publisher = Publisher(publisher_port or stack.coordinator_port, self.key, pad, plan)
        self.follower = Follower([url_of(port, session) for port in ports or stack.gateway_ports],
                                 lambda: self.publisher.accepted, **follower)

    async def __aenter__(self):
        self.following = asyncio.ensure_future(self.follower.follow(EVENTS))
        await self.known()
        return self

    async def known(self):
        """A key is unknown before its first claim."""
        await asyncio.wait_for(self.follower.connected(1), PATIENCE_S)

    async def __aexit__(self, *_):
        self.following.cancel()
        await asyncio.gather(self.following, return_exceptions=True)
        await self.follower.end()
        await self.publisher.channel.close()

    async def run(self, faults=None, publish=None):
        """Until everything was published, everything was seen, and the faults are over."""
        parts = [self.following, publish or self.publisher.publish_all(EVENTS)]
        await asyncio.wait_for(asyncio.gather(*parts, *([faults] if faults else [])),
                               SCENARIO_S_MAX)

    def record(self):
        return self.stack.ctl("get", self.key)[0]


class EventTest(unittest.IsolatedAsyncioTestCase):
    """One stack for all tests of a class; who ends a service starts it again."""

    coordinator_flags = COORDINATOR
    gateway_flags = GATEWAY

    @classmethod
    def setUpClass(cls):
        cls.stack = Stack(agent=False, coordinator_flags=cls.coordinator_flags,
                          gateway_flags=cls.gateway_flags).__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.stack.__exit__(None, None, None)

    async def asyncSetUp(self):
        self.began = time.monotonic()

    async def asyncTearDown(self):
        self.assertEqual(self.stack.closes().get("1011", 0), 0)

    def judge(self, scenario, fault, times, sockets_min=None):
        follower, publisher = scenario.follower, scenario.publisher
        self.assertEqual(problems(follower, EVENTS), [])
        self.assertGreaterEqual(len(follower.sockets), sockets_min or times + 1,
                                "it did not disturb the client: it proves nothing")
        frames = sum(len(s.client.events()) for s in follower.sockets)
        count(f"events.{fault}", EVENTS)
        print(f"\n  {fault}: {EVENTS} events, {times} faults, {len(follower.sockets)} sockets, "
              f"{frames} event frames; publishes: {publisher.unknown} unanswered, "
              f"{publisher.full} full, {publisher.repeated} repeated; "
              f"{time.monotonic() - self.began:.1f} s", flush=True)

    async def finished(self, scenario):
        """The client has said 1000 behind its last acknowledgement: nothing is left over."""
        await until(lambda: scenario.record()["state"] == "CLOSED", "CLOSED")
        record = scenario.record()
        self.assertEqual((int(record["last_seq"]), int(record["acknowledged"])), (EVENTS, EVENTS))

    def places(self, number):
        """When faults happen: evenly over the events, but for the last ones: a client that was away
        gets up to a whole outbox at once, and one that has got everything does not come back."""
        last = EVENTS - OUTBOX - OUTBOX // 4
        return [last * (each + 1) // number for each in range(number)]

    async def repeatedly(self, scenario, number, fault, over):
        """The fault each time when the client has come so far."""
        for done, place in enumerate(self.places(number), 1):
            await scenario.follower.reached(place)
            await fault(scenario)
            await scenario.follower.connected(done + 1)
            over.release()

    async def publish_past(self, scenario, number, over):
        """Half an outbox past each place, and no further before its fault is over: a client that is
        served well meanwhile would have everything, and never meet the next one."""
        last = 0
        for end in [place + OUTBOX // 2 for place in self.places(number)]:
            await scenario.publisher.publish_all(end, last + 1)
            await over.acquire()
            last = end
        await scenario.publisher.publish_all(EVENTS, last + 1)

    async def check(self, name, times, fault, **options):
        async with Scenario(self.stack, name, **options) as scenario:
            over = asyncio.Semaphore(0)
            await scenario.run(self.repeatedly(scenario, times, fault, over),
                               self.publish_past(scenario, times, over))
        self.judge(scenario, name, times)
        if options.get("acks", True):
            await self.finished(scenario)
        return scenario
