"""The incident, row by row: a naive gateway shows each failure on this platform, and Interlock, in
the same place and under the same faults, does not. Rows 9 to 12: incident_operations_test.py."""

import asyncio
import os
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(os.environ["INTERLOCK_SOURCE_DIR"]) / "tests" / "support"))
from audit import is_allowed, table  # noqa: E402
from clients import PlatformClient  # noqa: E402
from incident import LATENCY_S, VISITS, IncidentTest  # noqa: E402
from naive import NaiveCloud  # noqa: E402
from scenario import scenario  # noqa: E402
from ws_client import FIVE, Client  # noqa: E402


class Incident(IncidentTest):
    @scenario
    async def test_row_01_messages_before_accept(self):
        self.injected(f"up to {LATENCY_S} s of latency; messages right behind the handshake")
        async with NaiveCloud(latency_s=LATENCY_S) as naive:
            visits = await naive.visits(VISITS)
            codes = [visit.code for visit in visits]
            self.naive_saw(f"{codes.count(1011)} of {VISITS} clients closed with 1011")
            self.assertGreater(codes.count(1011), 0)
        async with self.cloud() as cloud:
            self.slow(cloud)
            early = [Client() for _ in range(VISITS)]
            for number, client in enumerate(early):  # before `ready`, before `hello`
                await client.connect(cloud.url({"session": f"early{number}"}))
                await client.message("m")
            await asyncio.gather(*(client.wait_events(5) for client in early))
            for client in early:
                kinds = [frame["type"] for frame in client.frames]
                self.assertLess(kinds.index("ready"), kinds.index("ack"))
                self.assertEqual([name for _, name in client.events()], FIVE)
                await client.close()
            await self.verdict(cloud, await self.runs(cloud))

    @scenario
    async def test_row_02_sleep_after_accept(self):
        self.injected(f"up to {LATENCY_S} s of latency; messages 100 ms behind the handshake, "
                      "which is how long the naive gateway sleeps")
        async with NaiveCloud(latency_s=LATENCY_S, instances=1) as naive:
            late = await naive.visits(VISITS, wait_s=0.1)
            lost = sum(visit.events != FIVE for visit in late)
            self.naive_saw(f"{lost} of {VISITS} clients did not get their five events")
            self.assertGreater(lost, 0)
        async with self.cloud() as cloud:
            self.slow(cloud)
            await self.verdict(cloud, await self.runs(cloud))

    @scenario
    async def test_row_03_several_state_machines(self):
        self.injected("two sockets of one session, on two instances")
        async with NaiveCloud() as naive:
            await asyncio.gather(*(naive.visit("same", wait_s=0.3) for _ in range(2)))
            machines = sum("same" in one["machines"] for one in await naive.debug())
            self.naive_saw(f"{machines} machines for one session, in two processes")
            self.assertEqual(machines, 2)
        async with self.cloud() as cloud:
            first = await Client().connect(cloud.url({"session": "same"}))
            await first.ready()
            second = await Client().connect(cloud.url({"session": "same"}))
            await second.ready()
            self.assertEqual(await first.wait_closed(), 4500)
            self.assertLess(first.hello["generation"], second.hello["generation"])
            self.assertNotEqual(*cloud.served_by("same"))
            code, owner = await cloud.ctl("get", "anonymous:same", "--latest")
            self.assertEqual((code, int(owner[0]["generation"])),
                             (0, second.hello["generation"]))
            self.saw(f"the first socket {first.code} {first.reason!r}; one owner")
            await second.close()
            await self.verdict(cloud, await self.runs(cloud, 4))

    @scenario
    async def test_row_04_illegal_jumps(self):
        allowed = await asyncio.to_thread(table)
        self.injected("messages while the handshake is under way")
        async with NaiveCloud(instances=1) as naive:
            await naive.visits(VISITS)
            asked = [step for steps in (await naive.debug())[0]["machines"].values()
                     for step in steps]
            illegal = [step for step in asked if not is_allowed(allowed, *step)]
            self.naive_saw(f"{len(illegal)} illegal steps, such as {illegal[:1]}")
            self.assertIn(["CONNECTING", "SERVICES_READY"], illegal)
        async with self.cloud() as cloud:
            await self.verdict(cloud, await self.runs(cloud))

    @scenario
    async def test_row_05_unknown_connections(self):
        self.injected("a question about a connection that there never was")
        async with NaiveCloud(instances=1) as naive:
            answer = (await naive.debug("/state?key=nobody"))[0]
            self.naive_saw(f"{answer}")
            self.assertEqual(answer, {"ready": True})
        async with self.cloud() as cloud:
            for options in ([], ["--latest"]):
                code, answer = await cloud.ctl("get", "anonymous:nobody", *options)
                self.assertEqual((code, answer), (3, []))
            self.saw("interlockctl: exit code 3, not found")
            await self.verdict(cloud, await self.runs(cloud, 4))

    @scenario
    async def test_row_06_state_in_one_process(self):
        self.injected("the socket is cut in the middle of a run; the next one is on another "
                      "instance")
        async with NaiveCloud() as naive:
            first, second = (one.port for one in naive.service.instances())
            await naive.visit("moves", wait_s=0.3, patience_s=0.01, port=first)
            again = await naive.visit("moves", wait_s=0.3, messages=0, port=second)
            states = [one["states"].get("moves") for one in await naive.debug()]
            self.naive_saw(f"states {states}, events behind the reconnect: {again.events}")
            self.assertLess(len(again.events), len(FIVE))
            self.assertNotIn(None, states)
        async with self.cloud(agent_pause="100ms") as cloud:
            client = (await cloud.connect(1))[0]
            await client.message("m")
            await client.until(lambda c: len(c.seen) >= 2, "two events")
            await client.cut()
            await client.run("m")
            self.assertNotEqual(*cloud.served_by(client.session))
            await self.verdict(cloud, [(client, "m")])

    @scenario
    async def test_row_07_coordinator_not_wired_in(self):
        self.injected("every coordinator is gone")
        async with NaiveCloud() as naive:
            await naive.visits(4, wait_s=0.3)
            said = await naive.debug()
            connections = sum(one["counts"]["connections"] for one in said)
            handshakes = sum(one["handshakes"] for one in said)
            self.naive_saw(f"{connections} connections, {handshakes} of them through its "
                           "coordinator")
            self.assertEqual((connections, handshakes), (4, 0))
        async with self.cloud() as cloud:
            cloud.coordinators.traffic()
            cloud.coordinator_edge.cut_all()
            client = await self.refused(cloud, "nobody")
            self.assertEqual(client.hellos, [])
            cloud.coordinators.traffic(first=100)
            await self.verdict(cloud, await self.runs(cloud, 4))

    async def refused(self, cloud, session):
        """A client that came three times and was told no each time, and goes on trying."""
        client = PlatformClient(cloud.url, session).start()
        cloud.clients.append(client)
        await client.until(lambda c: c.refusals[503] >= 3, "three refusals")
        return client

    @scenario
    async def test_row_08_no_agent_events(self):
        self.injected("two instances; agents that know the address of the service only")
        async with NaiveCloud() as naive:
            visits = await naive.visits(VISITS)
            five = sum(visit.events == FIVE for visit in visits)
            none = sum(not visit.events for visit in visits)
            dropped = sum(one["counts"].get("events_dropped", 0) for one in await naive.debug())
            self.naive_saw(f"five of five for {five} of {VISITS} clients, none at all for {none}, "
                           f"{dropped} events dropped")
            self.assertGreater(none, 0)
            self.assertLess(five, VISITS)
        async with self.cloud() as cloud:
            await self.verdict(cloud, await self.runs(cloud))


if __name__ == "__main__":
    unittest.main(verbosity=2)
