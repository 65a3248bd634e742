"""Without its backend a connection is DEGRADED and says so; with it back, it goes on."""

import asyncio
import os
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(os.environ["INTERLOCK_SOURCE_DIR"]) / "tests" / "support"))
from stack import Stack  # noqa: E402
from ws_client import FIVE, Client  # noqa: E402


class Degraded(unittest.IsolatedAsyncioTestCase):
    async def test_the_backend_is_away_at_connect_and_comes_back(self):
        stack = Stack(gateways=1, agent_pause="20ms")
        stack.coordinator.start().wait_ready()
        stack.gateways[0].start().wait_ready()
        try:
            client = await Client().connect(stack.url(0, session="d", states=1))
            await client.ready()
            self.assertEqual(client.of_type("ready")[0]["state"], "DEGRADED")
            self.assertEqual(stack.ctl("get", "anonymous:d")[0]["state"], "DEGRADED")
            await client.message("m1")
            await client.wait(lambda c: c.of_type("error"), "an error")
            error = client.of_type("error")[0]
            self.assertEqual((error["id"], error["code"], error["retryable"]),
                             ("m1", "UNAVAILABLE", True))

            stack.agent.start().wait_ready()
            await client.wait(
                lambda c: c.of_type("state")[-1]["state"] == "PROCESSING_READY",
                "PROCESSING_READY", timeout=60)
            await client.message("m2")
            await client.wait_events(5)
            self.assertEqual([name for _, name in client.events()], FIVE)
            await client.close()
        finally:
            stack.__exit__(None, None, None)

    async def test_an_operational_connection_survives_the_backends_restart(self):
        with Stack(gateways=1, agent_pause="20ms") as stack:
            client = await Client().connect(stack.url(0, session="r", states=1))
            await client.ready()
            stack.agent.kill()
            await client.message("m1")
            await client.wait(lambda c: c.of_type("error"), "an error", timeout=60)
            self.assertTrue(client.of_type("error")[0]["retryable"])
            stack.agent.start().wait_ready()
            await client.wait(
                lambda c: [f["state"] for f in c.of_type("state")][-2:]
                == ["DEGRADED", "PROCESSING_READY"], "DEGRADED and back", timeout=60)
            await client.message("m1")
            await client.wait_events(5)
            self.assertEqual([frame["id"] for frame in client.of_type("ack")], ["m1"])
            await client.close()


if __name__ == "__main__":
    unittest.main(verbosity=2)
