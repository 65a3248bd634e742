"""The platform's rules, one scenario each, under the numbers that the design gives them."""

import asyncio
import os
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(os.environ["INTERLOCK_SOURCE_DIR"]) / "tests" / "support"))
from scenario import PlatformTest, scenario  # noqa: E402


class Rules(PlatformTest):
    @scenario
    async def test_rule_02_sigterm(self):
        async with self.cloud() as cloud:
            clients = await cloud.connect(20)
            self.injected("SIGTERM to one of two gateways while 20 runs are open")
            runs = [asyncio.ensure_future(client.run("m")) for client in clients]
            victim = cloud.gateway_of(clients[0])
            ending = await cloud.gateways.end(victim)
            self.assertEqual((ending.code, ending.killed), (0, False))
            self.assertLess(ending.seconds, 8)
            await asyncio.gather(*runs)
            moved = [client for client in clients if client.closes]
            self.assertGreater(len(moved), 0)
            for client in moved:
                self.assertEqual(client.closes, {4001: 1})
                self.assertEqual(len(client.told), 1, client)
            await self.verdict(cloud, [(client, "m") for client in clients])


if __name__ == "__main__":
    unittest.main(verbosity=2)
