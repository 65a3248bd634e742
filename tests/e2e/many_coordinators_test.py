"""Three coordinators over one store that several can use: whoever is asked, events arrive once and
in order, and what an operator sees is the same everywhere.

    many_coordinators_test.py     on PostgreSQL, and on three members of etcd"""

import asyncio
import os
import pathlib
import subprocess
import sys
import time
import unittest
import urllib.parse

import grpc

sys.path.insert(0, str(pathlib.Path(os.environ["INTERLOCK_SOURCE_DIR"]) / "tests" / "support"))
from cut_proxy import CutProxy  # noqa: E402
from etcd import Etcd  # noqa: E402
from event_scenario import COORDINATOR, GATEWAY, EventTest, Scenario, until  # noqa: E402
from postgres import Postgres  # noqa: E402
from publisher import CHANNEL, Publisher, refusal_of  # noqa: E402
from stack import BIN, Stack, count, free_port  # noqa: E402
from ws_client import Client  # noqa: E402
from interlock.v1 import gateway_pb2, gateway_pb2_grpc  # noqa: E402

COORDINATORS = 3
PROMPT_S_MAX = 3  # an answer that waits for nobody


class ManyCoordinators:
    """Each gateway knows of one coordinator only, so that it is known who serves whom."""

    engine = None  # what makes the server

    @classmethod
    def setUpClass(cls):
        cls.server = cls.engine().__enter__()
        try:
            cls.stack = Stack(agent=False, gateways=COORDINATORS, coordinators=COORDINATORS,
                              store=cls.server.url, coordinator_flags=COORDINATOR,
                              gateway_flags=GATEWAY, pinned=True).__enter__()
        except BaseException:
            cls.server.__exit__(None, None, None)
            raise

    @classmethod
    def tearDownClass(cls):
        try:
            cls.stack.__exit__(None, None, None)
        finally:
            cls.server.__exit__(None, None, None)

    def name(self, what):
        return f"{self.engine.__name__.lower()}_{what}"

    def test_each_gateway_is_attached_to_its_own_coordinator(self):
        for coordinator in self.stack.coordinators:
            self.assertEqual(coordinator.metric("interlock_attached_gateways"), {"": 1.0})

    async def test_a_key_goes_around_between_coordinators(self):
        async def cut(scenario):
            await scenario.follower.client.cut()
        scenario = await self.check(self.name("reconnects"), 10, cut,
                                    publisher_port=self.stack.coordinator_ports[1])
        gateways = [socket.gateway for socket in scenario.follower.sockets]
        self.assertEqual(gateways, [turn % COORDINATORS for turn in range(11)])

    async def test_a_takeover_that_crosses_coordinators(self):
        old = await Client().connect(self.stack.url(0, session="taken"))
        await old.ready()
        new = await Client().connect(self.stack.url(1, session="taken"))
        await new.ready()
        self.assertEqual(await old.wait_closed(), 4500)
        self.assertGreater(new.hello["generation"], old.hello["generation"])
        await new.close(1000)

    async def test_an_operator_sees_the_same_everywhere(self):
        client = await Client().connect(self.stack.url(0, session="seen"))
        await client.ready()
        key = "anonymous:seen"
        here = (await asyncio.to_thread(self.stack.ctl, "get", key))[0]
        self.assertTrue(here["owner"])

        def listed(coordinator):
            return [one for one in self.stack.ctl("list", coordinator=coordinator)
                    if one["key"] == key]
        for other in range(1, COORDINATORS):
            await until(lambda other=other: listed(other), "the feed has brought it")
            got = (await asyncio.to_thread(self.stack.ctl, "get", key, coordinator=other))[0]
            for field in ("state", "owner", "generation", "transitions"):
                self.assertEqual(got[field], here[field], field)
        watch = subprocess.Popen(
            [BIN / "interlockctl", "--json", "watch",
             f"--coordinator=127.0.0.1:{self.stack.coordinator_ports[2]}"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        try:
            lines = asyncio.to_thread(self.lines_until, watch.stdout, key, "CLOSED")
            ended = asyncio.ensure_future(lines)
            while not ended.done():  # the watch begins when it begins
                again = await Client().connect(self.stack.url(0, session="seen"))
                await again.ready()
                await again.close(1000)
                await asyncio.wait([ended], timeout=1)
            self.assertTrue(ended.result())
        finally:
            watch.kill()
            watch.communicate()

    @staticmethod
    def lines_until(lines, *texts):
        for line in lines:
            if all(text in line for text in texts):
                return True
        return False

    async def test_one_coordinator_is_killed(self):
        async with Scenario(self.stack, self.name("coordinator_killed"),
                            publisher_port=self.stack.coordinator_ports[1]) as scenario:
            async def kill_repeatedly():
                for place in self.places(3):
                    await scenario.follower.reached(place)
                    self.stack.coordinators[0].kill()
                    await asyncio.to_thread(self.stack.coordinators[0].start().wait_ready)
            await scenario.run(kill_repeatedly())
        self.judge(scenario, self.name("coordinator_killed"), 3, sockets_min=1)
        await self.finished(scenario)
        count("failover.coordinator_killed", 3)

    async def test_the_server_is_away_and_comes_back(self):
        async with Scenario(self.stack, self.name("away")) as scenario:
            async def away():
                await scenario.follower.reached(self.places(1)[0] // 2)
                await asyncio.to_thread(self.server.kill)
                try:
                    for coordinator in self.stack.coordinators:
                        await until(coordinator.store_is_away, "the store is away")
                        self.assertTrue(coordinator.is_ready(), "gateways can ask it")
                    await self.refuses(self.stack.coordinator_ports[0])
                finally:
                    await asyncio.to_thread(self.server.start)
            await scenario.run(away())
        self.judge(scenario, self.name("away"), 1, sockets_min=1)
        await self.finished(scenario)
        self.assertEqual(len(scenario.follower.sockets), 1, "the client's socket was given up")

    async def refuses(self, port):
        """The coordinator says at once that it can promise nothing, and surely has not."""
        claim = gateway_pb2.ClaimRequest(key="anonymous:another", subject="anonymous",
                                         gateway_id=os.urandom(16).hex(), claim_id=os.urandom(16))
        began = time.monotonic()
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=CHANNEL) as channel:
            with self.assertRaises(grpc.aio.AioRpcError) as raised:
                await gateway_pb2_grpc.GatewayStub(channel).Claim(claim, timeout=30)
        self.assertLess(time.monotonic() - began, PROMPT_S_MAX)
        self.assertEqual(raised.exception.code(), grpc.StatusCode.UNAVAILABLE)
        refusal = refusal_of(raised.exception)
        self.assertIsNotNone(refusal, raised.exception)
        self.assertEqual(refusal.WhichOneof("reason"), "store_away")

    async def test_who_is_told_to_stop_while_the_server_is_away_stops(self):
        coordinator = self.stack.coordinators[0]
        async with Scenario(self.stack, self.name("away_at_the_end"),
                            publisher_port=self.stack.coordinator_ports[0]) as scenario:
            async def stop():
                await scenario.follower.reached(100)
                await asyncio.to_thread(self.server.kill)
                await until(coordinator.store_is_away, "the store is away")
                try:
                    self.assertEqual(await asyncio.to_thread(coordinator.stop), 0)
                finally:
                    await asyncio.to_thread(self.server.start)
                    await asyncio.to_thread(coordinator.start().wait_ready)
            await scenario.run(stop())
        self.judge(scenario, self.name("away_at_the_end"), 1, sockets_min=1)

    async def test_one_coordinator_is_cut_off_from_the_store(self):
        parts = urllib.parse.urlsplit(self.server.url)
        user, _, hosts = parts.netloc.rpartition("@")
        proxies = [await CutProxy(free_port(), int(host.rpartition(":")[2])).start()
                   for host in hosts.split(",")]
        through = ",".join(f"127.0.0.1:{proxy.port}" for proxy in proxies)
        cut_url = parts._replace(netloc=f"{user}@{through}" if user else through).geturl()
        stack = Stack(agent=False, gateways=1, coordinators=2, store=[cut_url, self.server.url],
                      coordinator_flags=COORDINATOR, gateway_flags=GATEWAY, pinned=True)
        # The same coordinator first; this one may go elsewhere.
        stack.add_gateway("roaming", ["--coordinator=" + ",".join(
            f"127.0.0.1:{port}" for port in stack.coordinator_ports), *GATEWAY])
        await asyncio.to_thread(stack.__enter__)
        try:
            await self.cut_off(stack, proxies)
        finally:
            await asyncio.to_thread(stack.__exit__, None, None, None)
            for proxy in proxies:
                await proxy.stop()

    async def cut_off(self, stack, proxies):
        kept = await Client().connect(stack.url(0, session="kept"))
        moved = await Client().connect(stack.url(1, session="moved"))
        await asyncio.gather(kept.ready(), moved.ready())
        for proxy in proxies:
            proxy.cut(refuse=True)
        await until(stack.coordinators[0].store_is_away, "the store is away for one of them")
        self.assertFalse(stack.coordinators[1].store_is_away())
        await self.refuses(stack.coordinator_ports[0])

        for session in ("kept", "moved"):
            async with Publisher(stack.coordinator_ports[1], f"anonymous:{session}") as publisher:
                await publisher.publish_all(1)
        await moved.wait_events(1)  # its gateway has gone to the other coordinator
        self.assertFalse(kept.events())
        self.assertIsNone(kept.code, "a session was given up for a store that is away")
        for proxy in proxies:
            proxy.heal()
        await kept.wait_events(1)
        await until(lambda: not stack.coordinators[0].store_is_away(), "there again")
        await asyncio.gather(kept.close(1000), moved.close(1000))


class OnPostgres(ManyCoordinators, EventTest):
    engine = Postgres


class OnEtcd(ManyCoordinators, EventTest):
    engine = Etcd


if __name__ == "__main__":
    unittest.main(verbosity=2)
