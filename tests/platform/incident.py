"""What both halves of the incident have in common."""

import asyncio

from scenario import PlatformTest

LATENCY_S = 0.3
VISITS = 20


class IncidentTest(PlatformTest):
    def naive_saw(self, text):
        print(f"    naive: {text}", flush=True)

    async def runs(self, cloud, number=VISITS, prefix="client"):
        """So many clients, each of which sends its message as soon as it may."""
        clients = await cloud.connect(number, prefix)
        await asyncio.gather(*(client.run("m") for client in clients))
        return [(client, "m") for client in clients]

    def slow(self, cloud):
        """The latency under which the naive gateway is looked at too."""
        cloud.coordinators.link.jitter_s = LATENCY_S / 2
        return cloud
