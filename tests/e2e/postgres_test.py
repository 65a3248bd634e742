"""Several coordinators over one PostgreSQL: whoever is asked, events arrive once and in order."""

import asyncio
import os
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(os.environ["INTERLOCK_SOURCE_DIR"]) / "tests" / "support"))
from event_scenario import EventTest, Scenario, until  # noqa: E402
from postgres import Postgres  # noqa: E402
from stack import Stack, count  # noqa: E402
from ws_client import Client  # noqa: E402


class ManyCoordinators(EventTest):
    """Two coordinators; each gateway is attached to another one of them."""

    @classmethod
    def setUpClass(cls):
        cls.postgres = Postgres().__enter__()
        try:
            cls.stack = Stack(agent=False, coordinators=2, store=cls.postgres.url,
                              coordinator_flags=cls.coordinator_flags,
                              gateway_flags=cls.gateway_flags).__enter__()
        except BaseException:
            cls.postgres.__exit__(None, None, None)
            raise

    @classmethod
    def tearDownClass(cls):
        try:
            cls.stack.__exit__(None, None, None)
        finally:
            cls.postgres.__exit__(None, None, None)

    def test_each_gateway_is_attached_to_its_own_coordinator(self):
        for coordinator in self.stack.coordinators:
            self.assertEqual(coordinator.metric("interlock_attached_gateways"), {"": 1.0})

    async def test_a_key_goes_back_and_forth_between_coordinators(self):
        async def cut(scenario):
            await scenario.follower.client.cut()
        scenario = await self.check("postgres_reconnects", 10, cut,
                                    publisher_port=self.stack.coordinator_ports[1])
        gateways = [socket.gateway for socket in scenario.follower.sockets]
        self.assertEqual(gateways, [turn % 2 for turn in range(11)])

    async def test_a_takeover_that_crosses_coordinators(self):
        old = await Client().connect(self.stack.url(0, session="taken"))
        await old.ready()
        new = await Client().connect(self.stack.url(1, session="taken"))
        await new.ready()
        self.assertEqual(await old.wait_closed(), 4500)
        self.assertGreater(new.hello["generation"], old.hello["generation"])
        await new.close(1000)

    async def test_one_coordinator_is_killed(self):
        async with Scenario(self.stack, "postgres_coordinator_killed",
                            publisher_port=self.stack.coordinator_ports[1]) as scenario:
            async def kill_repeatedly():
                for place in self.places(3):
                    await scenario.follower.reached(place)
                    self.stack.coordinators[0].kill()
                    await asyncio.to_thread(self.stack.coordinators[0].start().wait_ready)
            await scenario.run(kill_repeatedly())
        self.judge(scenario, "postgres_coordinator_killed", 3, sockets_min=1)
        await self.finished(scenario)
        count("failover.coordinator_killed", 3)

    async def test_the_server_is_killed_and_comes_back(self):
        async with Scenario(self.stack, "postgres_killed") as scenario:
            async def kill_repeatedly():
                for place in self.places(2):
                    await scenario.follower.reached(place)
                    await asyncio.to_thread(self.postgres.kill)
                    await until(lambda: not self.stack.coordinators[0].is_ready(), "unready")
                    await asyncio.to_thread(self.postgres.start)
            await scenario.run(kill_repeatedly())
        self.judge(scenario, "postgres_killed", 2, sockets_min=1)
        await self.finished(scenario)
        self.assertEqual(len(scenario.follower.sockets), 1, "the client's socket was given up")
        count("failover.postgres_killed", 2)

    async def test_who_is_told_to_stop_while_the_server_is_away_stops(self):
        coordinator = self.stack.coordinators[0]
        async with Scenario(self.stack, "postgres_away_at_the_end",
                            publisher_port=self.stack.coordinator_ports[0]) as scenario:
            async def stop():
                await scenario.follower.reached(100)
                await asyncio.to_thread(self.postgres.kill)
                await until(lambda: not coordinator.is_ready(), "unready")
                try:
                    self.assertEqual(await asyncio.to_thread(coordinator.stop), 0)
                finally:
                    await asyncio.to_thread(self.postgres.start)
                    await asyncio.to_thread(coordinator.start().wait_ready)
            await scenario.run(stop())
        self.judge(scenario, "postgres_away_at_the_end", 1, sockets_min=1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
