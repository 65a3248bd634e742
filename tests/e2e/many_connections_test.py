"""500 connections at once through two gateways: five of five events each, in order, no 1011."""

import asyncio
import os
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(os.environ["INTERLOCK_SOURCE_DIR"]) / "tests" / "support"))
from stack import Stack, count  # noqa: E402
from ws_client import FIVE, Client  # noqa: E402

CONNECTIONS = 500


class ManyConnections(unittest.IsolatedAsyncioTestCase):
    async def test_each_of_500_simultaneous_connections_gets_five_of_five_events(self):
        with Stack(agent_pause="100ms") as stack:
            clients = [Client() for _ in range(CONNECTIONS)]

            async def connect(number):
                await clients[number].connect(stack.url(number % 2, session=f"s{number}"))
                await clients[number].ready(timeout=120)

            await asyncio.gather(*(connect(number) for number in range(CONNECTIONS)))
            # All of them stand at the same time before the first one says anything.
            self.assertEqual(sum(client.code is None for client in clients), CONNECTIONS)
            records = stack.ctl("list", "--live")
            self.assertEqual(len(records), CONNECTIONS)
            self.assertEqual({record["state"] for record in records}, {"PROCESSING_READY"})

            await asyncio.gather(*(client.message("m") for client in clients))
            await asyncio.gather(*(client.wait_events(5, timeout=120) for client in clients))
            expected = list(zip(range(1, 6), FIVE))
            wrong = [number for number, client in enumerate(clients)
                     if client.events() != expected]
            self.assertEqual(wrong, [])
            await asyncio.gather(*(client.close() for client in clients))
            self.assertEqual({client.code for client in clients}, {1000})
            self.assertEqual(stack.closes().get("1011", 0), 0)
            generations = [client.hello["generation"] for client in clients]
            self.assertEqual(len({(c.hello["key"], c.hello["generation"]) for c in clients}),
                             CONNECTIONS)
            self.assertTrue(all(generation > 0 for generation in generations))
            count("e2e.connections", CONNECTIONS)
            count("e2e.events", sum(len(client.events()) for client in clients))


if __name__ == "__main__":
    unittest.main(verbosity=2)
