"""The present build beside an earlier one, over one store: events arrive once and in order through
coordinators and gateways of both.

Which build the other one is, tests/support/other_version.py says."""

import asyncio
import os
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(os.environ["INTERLOCK_SOURCE_DIR"]) / "tests" / "support"))
from event_scenario import COORDINATOR, GATEWAY, EventTest  # noqa: E402
from other_version import OtherVersion  # noqa: E402
from postgres import Postgres  # noqa: E402
from stack import Stack, count  # noqa: E402
from ws_client import Client  # noqa: E402


class TwoVersions(EventTest):
    @classmethod
    def setUpClass(cls):
        cls.version = OtherVersion()
        cls.server = None
        try:
            other = cls.version.build()
            cls.server = Postgres().__enter__()
            cls.stack = Stack(agent=False, gateways=4, coordinators=2, store=cls.server.url,
                              coordinator_flags=COORDINATOR, gateway_flags=GATEWAY, pinned=True)
            # Gateways 0 and 2 ask coordinator 0, 1 and 3 the other one: each kind with each.
            old = (cls.stack.coordinators[0], cls.stack.gateways[2], cls.stack.gateways[3])
            for service in old:
                service.command[0] = str(other / pathlib.Path(service.command[0]).name)
            cls.stack.__enter__()
        except BaseException:
            cls.clean_up()
            raise

    @classmethod
    def clean_up(cls):
        if cls.server is not None:
            cls.server.__exit__(None, None, None)
        cls.version.clean_up()

    @classmethod
    def tearDownClass(cls):
        try:
            cls.stack.__exit__(None, None, None)
        finally:
            cls.clean_up()

    async def test_a_key_goes_around_between_both(self):
        async def cut(scenario):
            await scenario.follower.client.cut()
        for publisher_port in self.stack.coordinator_ports:
            name = f"two_versions_{self.stack.coordinator_ports.index(publisher_port)}"
            scenario = await self.check(name, 10, cut, publisher_port=publisher_port)
            self.assertEqual({socket.gateway for socket in scenario.follower.sockets}, {0, 1, 2, 3})
        count("versions.beside_the_present_one", 1)

    async def test_each_takes_over_from_each(self):
        for first in range(4):
            for second in range(4):
                session = f"from{first}to{second}"
                old = await Client().connect(self.stack.url(first, session=session))
                await old.ready()
                new = await Client().connect(self.stack.url(second, session=session))
                await new.ready()
                self.assertEqual(await old.wait_closed(), 4500)
                await new.close(1000)

    async def test_both_show_the_same(self):
        client = await Client().connect(self.stack.url(0, session="shown"))
        await client.ready()
        shown = [await asyncio.to_thread(self.stack.ctl, "get", "anonymous:shown", "--latest",
                                         coordinator=number) for number in range(2)]
        for field in ("state", "owner", "generation", "transitions"):
            self.assertEqual(shown[0][0][field], shown[1][0][field], field)
        await client.close(1000)


if __name__ == "__main__":
    unittest.main(verbosity=2)
