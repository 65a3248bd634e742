"""A coordinator or a gateway stands still: sockets survive a short while, and never act too long."""

import asyncio
import contextlib
import os
import pathlib
import signal
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(os.environ["INTERLOCK_SOURCE_DIR"]) / "tests" / "support"))
from stack import Stack, count  # noqa: E402
from ws_client import FIVE, Client  # noqa: E402

PATIENCE_S = 60
CONNECTIONS = 20
FIVE_EVENTS = list(enumerate(FIVE, 1))


@contextlib.contextmanager
def stopped(service):
    """SIGSTOP: it keeps its sockets and does nothing."""
    service.process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        service.process.send_signal(signal.SIGCONT)


async def metric(service, name, wanted):
    """Until the metric, summed over its labels, is at least `wanted`."""
    deadline = time.monotonic() + PATIENCE_S
    while sum((await asyncio.to_thread(service.metric, name)).values()) < wanted:
        if time.monotonic() > deadline:
            raise AssertionError(f"{name} stays below {wanted}:\n{service.log_tail()}")
        await asyncio.sleep(0.05)


async def waiting_for_clients(stack, number):
    """Until so many connections have no owner: their gateway has expired."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        states = [record["state"] for record in await asyncio.to_thread(stack.ctl, "list")]
        if states.count("RECONNECTING") >= number:
            return
        if time.monotonic() > deadline:
            raise AssertionError(f"the gateway does not expire: {states}")
        await asyncio.sleep(0.1)


async def connect(stack, number=CONNECTIONS, gateway=0):
    clients = [Client() for _ in range(number)]
    for each, client in enumerate(clients):
        await client.connect(stack.url(gateway, session=f"s{each}"))
    await asyncio.gather(*(client.ready() for client in clients))
    return clients


class Held(unittest.IsolatedAsyncioTestCase):
    async def test_sockets_survive_a_coordinator_that_stands_still(self):
        flags = ["--hold_after=2s", "--give_up_after=60s", "--ping_interval=500ms",
                 "--pong_timeout=1s"]
        with Stack(gateways=1, gateway_flags=flags) as stack:
            clients = await connect(stack)
            with stopped(stack.coordinator):
                await metric(stack.gateways[0], "interlock_holding", 1)
                for client in clients:
                    await client.message("m")
                    await client.send(type="ping")
                for client in clients:
                    await client.wait(lambda c: c.of_type("pong"), "pong")
                    self.assertEqual(client.of_type("ack"), [], "a message was taken in a hold")
            for client in clients:
                await client.wait_events(5)
                self.assertEqual(client.events(), FIVE_EVENTS)
                self.assertEqual([ack["id"] for ack in client.of_type("ack")], ["m"])
                self.assertIsNone(client.code)
            self.assertIn("Holding", stack.gateways[0].log_path.read_text())
            self.assertIn("Acting again", stack.gateways[0].log_path.read_text())
            await metric(stack.gateways[0], "interlock_holds_total", 1)
            await asyncio.gather(*(client.close() for client in clients))
            count("e2e.holds_survived", CONNECTIONS)

    async def test_when_no_coordinator_answers_the_gateway_fences_itself(self):
        flags = ["--hold_after=1s", "--give_up_after=2s"]
        with Stack(gateways=1, agent=False, gateway_flags=flags) as stack:
            clients = await connect(stack)
            with stopped(stack.coordinator):
                codes = await asyncio.gather(*(c.wait_closed(PATIENCE_S) for c in clients))
            self.assertEqual(set(codes), {4005})
            await metric(stack.gateways[0], "interlock_gateway_expired_total", 1)
            again = await connect_soon(stack, "s0")
            self.assertGreater(again.hello["generation"], clients[0].hello["generation"])
            self.assertEqual(stack.closes().get("1011", 0), 0)
            await again.close()

    async def test_a_gateway_frozen_beyond_its_lease_closes_its_sockets(self):
        with Stack(coordinator_flags=["--lease_ttl=3s", "--heartbeat=1s"]) as stack:
            clients = await connect(stack)
            with stopped(stack.gateways[0]):
                # What reaches it now lies in its sockets when it is thawed.
                for client in clients[1:]:
                    await client.message("late")
                moved = await Client().connect(stack.url(1, session="s0"))
                await moved.ready()
                await waiting_for_clients(stack, CONNECTIONS - 1)
            codes = await asyncio.gather(*(c.wait_closed(PATIENCE_S) for c in clients))
            self.assertLessEqual(set(codes), {4005, 4500})
            self.assertEqual(set(codes[1:]), {4005})
            for client in clients[1:]:
                self.assertEqual(client.of_type("ack"), [], "an expired gateway took a message")
                self.assertEqual(client.events(), [])
            resumed = [Client() for _ in clients[1:]]
            for each, client in enumerate(resumed, 1):
                await client.connect(stack.url(each % 2, session=f"s{each}"))
            await asyncio.gather(*(client.ready() for client in resumed))
            for client in [moved, *resumed]:
                await client.message("m")
            for client in [moved, *resumed]:
                await client.wait_events(5)
                self.assertEqual(client.events(), FIVE_EVENTS)
            await asyncio.gather(*(client.close() for client in [moved, *resumed]))
            count("e2e.frozen_gateways", 1)


async def connect_soon(stack, session):
    """A gateway that has just begun anew says 503 for a moment."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        client = Client()
        try:
            await client.connect(stack.url(0, session=session))
            return await client.ready()
        except Exception:  # pylint: disable=broad-except
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.2)


if __name__ == "__main__":
    unittest.main(verbosity=2)
