"""Retries, pooling and breaking where the platform's edge stands between services: it answers 429
and 503, ends streams at their hour, and lets so many streams through on a connection."""

import asyncio
import os
import pathlib
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(os.environ["INTERLOCK_SOURCE_DIR"]) / "tests" / "support"))
import grpc  # noqa: E402
from clients import PlatformClient  # noqa: E402
from scenario import PlatformTest, scenario  # noqa: E402

REFUSING_S = 3
STREAMS_MAX = 100     # of one connection, as edges commonly have it
AT_ONCE = 150
HOUR_S = 2.5
CLIENTS = 10
COLD_S = 0.5


class Edge(PlatformTest):
    def attempts(self, cloud, method, since=0):
        return sum(name.endswith(method) for name, _ in cloud.coordinator_edge.asked[since:])

    @scenario
    async def test_an_edge_without_room_is_asked_again_and_not_hammered(self):
        async with self.cloud(gateways=1) as cloud:
            self.injected(f"every stream cut, and 429 and 503 to each call for {REFUSING_S} s each")
            clients = await cloud.connect(CLIENTS)
            runs = []
            for status in (429, 503):
                cloud.coordinator_edge.refuse_with = status
                since = len(cloud.coordinator_edge.asked)
                cloud.coordinator_edge.cut_all()
                runs += [asyncio.ensure_future(client.run(str(status))) for client in clients]
                late = PlatformClient(cloud.url, f"late{status}").start()
                cloud.clients.append(late)
                await asyncio.sleep(REFUSING_S)
                attempts = self.attempts(cloud, "/Attach", since)
                self.assertTrue(1 <= attempts <= 12, f"{attempts} attempts to attach")
                cloud.coordinator_edge.refuse_with = 0
                await late.served()
                self.assertGreater(late.refusals[503], 0)
                await asyncio.gather(*runs)
            self.assertEqual(sum(client.closes.total() for client in clients), 0)
            self.saw(f"no close at all; a gateway asked {attempts} times in {REFUSING_S} s")
            await self.verdict(cloud, [(client, status) for client in clients
                                       for status in ("429", "503")])

    @scenario
    async def test_a_stream_that_ends_at_its_hour_disturbs_nobody(self):
        async with self.cloud() as cloud:
            self.injected(f"every stream ends after {HOUR_S} s, as edges do: UNAVAILABLE, INTERNAL "
                          "(a reset of the stream), CANCELLED, and without a word")
            clients = await cloud.connect(CLIENTS)
            cloud.coordinators.link.request_s_max = HOUR_S
            for status in ("UNAVAILABLE", "INTERNAL", "CANCELLED", "OK"):
                cuts = cloud.coordinator_edge.cuts
                cloud.coordinator_edge.cut_status = grpc.StatusCode[status]
                cloud.coordinator_edge.cut_all()
                await asyncio.gather(*(client.run(status) for client in clients))
                while cloud.coordinator_edge.cuts < cuts + 5:
                    await asyncio.sleep(0.05)
            self.assertEqual(sum(client.closes.total() for client in clients), 0)
            self.saw(f"nothing of {cloud.coordinator_edge.cuts} ends")
            await self.verdict(cloud, [(client, status) for client in clients for status in
                                       ("UNAVAILABLE", "INTERNAL", "CANCELLED", "OK")])

    @scenario
    async def test_streams_to_a_backend_are_spread_over_connections(self):
        async with self.cloud(gateways=1, agent_pause="2500ms",
                              backend_streams_max=STREAMS_MAX) as cloud:
            self.injected(f"{AT_ONCE} runs at once, of ten seconds each, through an "
                          f"edge that takes {STREAMS_MAX} streams on a connection")
            clients = await cloud.connect(AT_ONCE)
            began = time.monotonic()
            await asyncio.gather(*(client.message("m") for client in clients))
            await asyncio.gather(*(client.until(lambda c: "m" in c.acked, "an ack")
                                   for client in clients))
            took = time.monotonic() - began
            # A run's stream stands until its tokens are said, just before the third of its events.
            late = sum(len(client.run_of("m")) > 2 for client in clients)
            connections = {peer for method, peer in cloud.backend_edge.asked
                           if method.endswith("/Receive")}
            self.saw(f"the last acknowledgement after {took:.1f} s, over {len(connections)} "
                     "connections")
            self.assertGreaterEqual(len(connections), 2)
            self.assertEqual(late, 0, "messages waited for the end of other messages' streams")
            await asyncio.gather(*(client.run("m") for client in clients))
            await self.verdict(cloud, [(client, "m") for client in clients])

    @scenario
    async def test_a_backend_behind_an_edge_without_room_is_given_time(self):
        async with self.cloud(gateways=1, backend_streams_max=100) as cloud:
            self.injected(f"429 to every call of the backend for {REFUSING_S} s")
            clients = await cloud.connect(CLIENTS)
            cloud.backend_edge.refuse_with = 429
            await asyncio.gather(*(client.message("m") for client in clients))
            await asyncio.sleep(REFUSING_S)
            asked = len(cloud.backend_edge.asked)
            said = sum(client.refusals["UNAVAILABLE"] for client in clients)
            self.assertGreater(said, 0)
            self.assertLess(asked, 50, "the breaker does not break")
            cloud.backend_edge.refuse_with = 0
            await asyncio.gather(*(client.run("m") for client in clients))
            self.saw(f"{said} errors that said retryable; the backend's edge was asked {asked} "
                     "times")
            await self.verdict(cloud, [(client, "m") for client in clients])

    @scenario
    async def test_instances_are_started_by_need_and_clients_wait_for_them(self):
        async with self.cloud(gateways=1) as cloud:
            self.injected(f"{4 * CLIENTS} clients at once, {CLIENTS} requests for each instance, "
                          f"and cold starts of {COLD_S} s")
            cloud.gateways.concurrency = CLIENTS
            cloud.gateways.cold_s = COLD_S
            clients = await cloud.connect(4 * CLIENTS)
            await asyncio.gather(*(client.run("m") for client in clients))
            requests = [one.requests for one in cloud.gateways.instances()]
            self.assertEqual(sum(requests), 4 * CLIENTS)
            self.assertLessEqual(max(requests), CLIENTS)
            self.assertGreaterEqual(len(requests), 4)
            self.saw(f"{cloud.gateways.refused[429]} times 429 from the edge; "
                     f"{len(cloud.gateways.instances())} instances")
            await self.verdict(cloud, [(client, "m") for client in clients])


if __name__ == "__main__":
    unittest.main(verbosity=2)
