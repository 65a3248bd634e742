"""The rows of the incident that are about running it: what is measured, what happens when the
backend is away, how a bad version gets out, and the platform's habits all at once."""

import asyncio
import os
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(os.environ["INTERLOCK_SOURCE_DIR"]) / "tests" / "support"))
from incident import LATENCY_S, VISITS, IncidentTest  # noqa: E402
from naive import NaiveCloud  # noqa: E402
from process_files import connections_to  # noqa: E402
from scenario import scenario  # noqa: E402
from stack import free_port, http_get  # noqa: E402
from ws_client import FIVE  # noqa: E402

CANARY_S_MAX = 30
HOUR_S = 4.0
NOBODY = "--coordinator=127.0.0.1:1"


class IncidentOperations(IncidentTest):
    @scenario
    async def test_row_09_no_metrics(self):
        self.injected("a look at what an instance tells about itself")
        async with NaiveCloud(instances=1, latency_s=LATENCY_S) as naive:
            await naive.visits(VISITS)
            port = naive.service.instances()[0].port
            status = (await asyncio.to_thread(http_get, f"http://127.0.0.1:{port}/metrics"))[0]
            closes = (await naive.debug())[0]["counts"]["1011"]
            self.naive_saw(f"/metrics answers {status}, with {closes} closes with 1011 behind it")
            self.assertEqual(status, 404)
        async with self.cloud(gateways=1) as cloud:
            runs = await self.runs(cloud)
            for client in cloud.clients[:3]:
                await client.cut()
                await client.served(2)
            gateway = cloud.gateways.instances()[0]
            lost = await asyncio.to_thread(gateway.metric, "interlock_closes_total")
            self.assertEqual(sum(number for labels, number in lost.items()
                                 if 'code="1006"' in labels), 3)
            self.assertEqual(sum(n for labels, n in lost.items() if '1011' in labels), 0)
            logged = sum(one.log_text().count('"to":"PROCESSING_READY"')
                         for one in cloud.coordinators.instances())
            self.assertGreaterEqual(logged, VISITS)
            self.saw(f"nothing; metrics count 3 closes with 1006, and {logged} transitions to "
                     "PROCESSING_READY are logged")
            await self.verdict(cloud, runs)

    @scenario
    async def test_row_10_no_breaker_retry_pooling(self):
        self.injected("a backend that is away, and comes back")
        async with NaiveCloud(instances=1, backend=free_port()) as naive:
            visits = await naive.visits(VISITS, wait_s=0.2)
            codes = [visit.code for visit in visits]
            self.naive_saw(f"{codes.count(1011)} of {VISITS} clients closed with 1011")
            self.assertGreater(codes.count(1011), 0)
        async with self.cloud(gateways=1) as cloud:
            clients = await cloud.connect(VISITS)
            gateway = cloud.gateways.instances()[0]
            cloud.agent.kill()
            await asyncio.gather(*(client.message("m") for client in clients))
            await asyncio.gather(*(client.until(lambda c: c.refusals["UNAVAILABLE"], "an error")
                                   for client in clients))
            opened = await self.metric(gateway, "interlock_backend_breaker_opened_total")
            self.assertGreater(opened, 0)
            attempts = await self.metric(gateway, "interlock_backend_attempts_total")
            said = sum(client.refusals["UNAVAILABLE"] for client in clients)
            self.assertLess(attempts, 40 + said, "retries were the load")
            await cloud.agent.come_up()
            await asyncio.gather(*(client.run("m") for client in clients))
            sockets = connections_to(gateway.process.pid, cloud.agent.port)
            self.assertLessEqual(sockets, 4, "a connection for each message is no pool")
            self.saw(f"{said} errors that said retryable; the breaker opened {opened:.0f} times, "
                     f"{attempts:.0f} attempts; {sockets} connections to the backend")
            await self.verdict(cloud, [(client, "m") for client in clients])

    async def metric(self, instance, name):
        return sum((await asyncio.to_thread(instance.metric, name)).values())

    @scenario
    async def test_row_11_rollout(self):
        self.injected("a new version that can serve nobody")
        async with NaiveCloud(instances=1, backend=free_port()) as naive:  # all at once
            codes = [visit.code for visit in await naive.visits(VISITS, wait_s=0.2)]
            self.naive_saw(f"all traffic at once: {codes.count(1011)} of {VISITS} clients failed")
            self.assertEqual(codes.count(1011), VISITS)
        async with self.cloud() as cloud:
            old = await self.runs(cloud)
            await cloud.gateways.deploy(
                "bad", lambda name: cloud.gateway(name, flags=[NOBODY]), instances=1)
            cloud.gateways.traffic(first=80, bad=20)
            fresh = asyncio.ensure_future(self.runs(cloud, VISITS, "fresh"))
            await asyncio.wait_for(self.gate(cloud), CANARY_S_MAX)
            cloud.gateways.traffic(first=100)
            runs = await fresh
            met = sum(client.refusals[503] > 0 for client in cloud.clients)
            self.assertLess(met, len(cloud.clients))
            self.assertEqual(sum(client.closes.total() for client, _ in old), 0)
            self.saw(f"{met} of {len(cloud.clients)} clients met the bad version, and came back "
                     "elsewhere; nobody who was connected was disturbed")
            await self.verdict(cloud, old + runs)

    async def gate(self, cloud):
        """What a rollout watches: upgrades that the new revision refuses."""
        bad = cloud.gateways.revisions["bad"].instances[0]
        while await self.metric(bad, "interlock_upgrades_refused_total") == 0:
            await asyncio.sleep(0.05)

    @scenario
    async def test_row_12_platform_habits(self):
        self.injected(f"cold starts, up to {LATENCY_S} s of latency, an hour of {HOUR_S} s, "
                      "an instance of each service ended, one frozen for a second")
        async with NaiveCloud(latency_s=LATENCY_S, cold_s=0.3) as naive:
            visits = asyncio.ensure_future(naive.visits(VISITS, wait_s=0.05))
            await asyncio.sleep(0.1)
            await naive.service.end(naive.service.instances()[0], term_s=1)
            five = sum(visit.events == FIVE for visit in await visits)
            self.naive_saw(f"five of five for {five} of {VISITS} clients")
            self.assertLess(five, VISITS)
        async with self.cloud(agent_pause="200ms") as cloud:
            self.slow(cloud)
            cloud.gateways.link.request_s_max = HOUR_S
            cloud.gateways.link.jitter_s = 0.1
            clients = await cloud.connect(VISITS)
            runs = [asyncio.ensure_future(client.run("m")) for client in clients]
            await self.bad_minute(cloud)
            await asyncio.gather(*runs)
            await self.verdict(cloud, [(client, "m") for client in clients])

    async def bad_minute(self, cloud):
        for service in (cloud.gateways, cloud.coordinators):
            service.cold_s = 0.5
            replaced = service.instances()[0]
            await service.add("first")  # the platform replaces it before it ends it
            await service.end(replaced)
            frozen = service.instances()[0]
            frozen.freeze()
            await asyncio.sleep(1)
            frozen.thaw()


if __name__ == "__main__":
    unittest.main(verbosity=2)
