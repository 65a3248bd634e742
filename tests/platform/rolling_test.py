"""A full rolling update of both services, old and new revisions overlapping, with many clients and
events flowing: nobody sees a gap, a duplicate or an event out of order."""

import asyncio
import os
import pathlib
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(os.environ["INTERLOCK_SOURCE_DIR"]) / "tests" / "support"))
from flow import Flow  # noqa: E402
from other_version import other_programs  # noqa: E402
from scenario import PlatformTest, scenario  # noqa: E402
from stack import BIN, count  # noqa: E402
from ws_client import FIVE  # noqa: E402

CLIENTS = int(os.environ.get("INTERLOCK_ROLLING_CLIENTS", 1000))
AT_ONCE = 50             # clients that connect at the same time
ROUND_S = CLIENTS / 400  # between two events of a client: 400 events a second in all
PACE_S = 2               # between two steps of the update
INTERRUPTION_S_AIM = 3
SECONDS_MAX = 600


class Rolling(PlatformTest):
    def test_a_rolling_update_of_both_services(self):
        with other_programs() as old:
            scenario(lambda _: self.update(old), SECONDS_MAX)(self)

    async def update(self, old):
        async with self.cloud(coordinators=2, gateways=3, agent=False, binaries=old) as cloud:
            self.injected(f"both services replaced, instance by instance, under {CLIENTS} clients "
                          f"with an event each every {ROUND_S:.1f} s")
            for at in range(0, CLIENTS, AT_ONCE):
                await cloud.connect(min(AT_ONCE, CLIENTS - at), f"wave{at}x")
            keys = [f"anonymous:{client.session}" for client in cloud.clients]
            flow = Flow(cloud.coordinator_edge.port, keys, ROUND_S)
            began = time.monotonic()
            await self.replace(cloud.coordinators, cloud.coordinator, 2)
            await self.replace(cloud.gateways, cloud.gateway, 3)
            took = time.monotonic() - began
            published = await flow.end()
            await asyncio.gather(*(client.until(lambda c: len(c.seen) >= published, "every event")
                                   for client in cloud.clients))
            self.judge(cloud, flow, published)
            await self.verdict(cloud)
            count("platform.runs_of_five", len(cloud.clients) * published // len(FIVE))
            self.report(cloud, published, took)

    async def replace(self, service, make, number):
        """A new revision beside the old one, half of the traffic, all of it, and then the old
        instances end, one after the other."""
        old = list(service.instances())
        await service.deploy("second", lambda name: make(name, BIN), number)
        service.traffic(first=50, second=50)
        await asyncio.sleep(PACE_S)
        service.traffic(second=100)
        for instance in old:
            ending = await service.end(instance)
            self.assertEqual((ending.code, ending.killed), (0, False), instance.log_tail())
            await asyncio.sleep(PACE_S)

    def judge(self, cloud, flow, published):
        self.assertEqual(flow.problems, [])
        for client in cloud.clients:
            self.assertEqual([frame["data"]["n"] for _, frame in client.seen],
                             list(range(1, published + 1)), client)
            runs = {}
            for _, frame in client.seen:
                runs.setdefault(frame["run"], []).append(frame["event"])
            self.assertEqual(list(runs.values()), [FIVE] * (published // len(FIVE)))
            self.assertGreaterEqual(len(client.hellos), 2, "it was not moved: it proves nothing")

    def report(self, cloud, published, took):
        longest = sorted(max(client.interruptions_s) for client in cloud.clients)
        self.saw(f"{published} events each during the {took:.0f} s of the update; longest "
                 f"interruption of any client {longest[-1]:.2f} s (aim: under "
                 f"{INTERRUPTION_S_AIM} s), of half of them {longest[len(longest) // 2]:.2f} s")
        count("platform.rolling_clients", len(cloud.clients))
        count("platform.rolling_events", published * len(cloud.clients))
        count("platform.rolling_longest_interruption_ms", round(longest[-1] * 1000))


if __name__ == "__main__":
    unittest.main(verbosity=2)
