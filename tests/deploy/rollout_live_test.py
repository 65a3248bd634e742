#!/usr/bin/python3
"""Rollouts over what the real services count: Debian's Prometheus scrapes two coordinators over
PostgreSQL and three gateways, labelled as revisions, while clients come and go. Only gcloud is the
test's own.
"""

import asyncio
import concurrent.futures
import os
import pathlib
import sys
import threading
import unittest

SOURCE = pathlib.Path(os.environ["INTERLOCK_SOURCE_DIR"])
sys.path.insert(0, str(SOURCE / "tests" / "support"))

import websockets  # noqa: E402
from postgres import Postgres  # noqa: E402
from prometheus import Prometheus  # noqa: E402
from rollout_drill import NEW, OLD, Drill  # noqa: E402
from stack import Stack  # noqa: E402
from ws_client import FIVE, Client  # noqa: E402

BAD = NEW.replace("new", "bad")
REVISIONS = (OLD, NEW, BAD)
PAUSE_S = 0.15  # between two clients of one gateway
HURRIED = {"hold": "6s", "hold_max": "30s", "poll": "1s", "samples": "5", "steps": "50,100"}


class Clients(threading.Thread):
    """At each gateway one after the other connects, has an agent run, and leaves."""

    def __init__(self, stack):
        super().__init__()
        self.stack = stack
        self.over = threading.Event()
        self.at_the_third = threading.Event()
        self.served = [0] * len(REVISIONS)
        self.refused = [0] * len(REVISIONS)

    def run(self):
        asyncio.run(self.all_of_them())

    async def all_of_them(self):
        # Whoever comes to the third gateway finds it full.
        holder = await Client().connect(self.stack.url(2, session="holder"))
        await asyncio.gather(*(self.at(gateway) for gateway in range(len(REVISIONS))))
        await holder.socket.close(1000)

    async def at(self, gateway):
        number = 0
        while not self.over.is_set():
            await asyncio.sleep(PAUSE_S)
            if gateway == 2 and not self.at_the_third.is_set():
                continue
            number += 1
            try:
                await self.one(self.stack.url(gateway, session=f"g{gateway}-{number}"))
                self.served[gateway] += 1
            except websockets.InvalidStatusCode:
                self.refused[gateway] += 1

    async def one(self, url):
        client = await Client().connect(url)
        await client.socket.send('{"type":"message","id":"m","data":{"text":"hello"}}')
        await client.wait(
            lambda one: {frame.get("event") for frame in one.frames if "seq" in frame} >= set(FIVE),
            "five events")
        last = max(frame["seq"] for frame in client.frames if "seq" in frame)
        await client.socket.send(f'{{"type":"ack","seq":{last}}}')
        await client.socket.close(1000)


class LabelledPrometheus(Prometheus):
    """Targets have the label that Cloud Run's sidecar gives them."""

    def copy(self, stack, hurried):
        super().copy(stack, hurried)
        for name, services in (("coordinators", stack.coordinators), ("gateways", stack.gateways)):
            self.save(f"{name}.yml", [
                {"targets": [f"127.0.0.1:{service.http_port}"],
                 "labels": {"revision_name": revision}}
                for service, revision in zip(services, REVISIONS)])


class Live(unittest.TestCase):
    def test_good_revisions_come_into_use_and_one_that_refuses_clients_goes_back(self):
        with Postgres() as database:
            stack = Stack(gateways=2, agent_pause="5ms", coordinators=2, store=database.url,
                          pinned=True)
            stack.add_gateway("gateway-2", ["--sessions_max=1", "--coordinator="
                                            f"127.0.0.1:{stack.coordinator_ports[1]}"])
            with stack, LabelledPrometheus(stack) as prometheus:
                self.roll_out(stack, prometheus)

    def roll_out(self, stack, prometheus):
        address = f"--prometheus=http://127.0.0.1:{prometheus.port}"
        clients = Clients(stack)
        clients.start()
        try:
            prometheus.wait(lambda: min(clients.served[:2]) > 20, "clients to be served")
            good = [Drill(arguments=[address], kind=kind, **HURRIED)
                    for kind in ("gateway", "coordinator")]
            with concurrent.futures.ThreadPoolExecutor() as pool:
                list(pool.map(Drill.run, good))
            # Its clients come now: what they meet would count against a coordinator too.
            clients.at_the_third.set()
            bad = Drill(arguments=[address, "--suffix=bad"], kind="gateway", **HURRIED).run()
        finally:
            clients.over.set()
            clients.join()
        for drill in good:
            self.assertEqual((drill.status, drill.traffic()), (0, {NEW: 100}), drill.output)
        self.assertEqual((bad.status, bad.traffic()), (1, {OLD: 100}), bad.output)
        self.assertIn("GOING BACK to interlock-gateway-old: failed_handshakes: upgrades refused",
                      bad.output)
        self.assertGreater(clients.refused[2], 3)
        self.assertEqual(clients.refused[:2], [0, 0])


if __name__ == "__main__":
    unittest.main(verbosity=2)
