"""The platform's rules 7 to 12: health, CPU, disk, affinity, freezes, limits."""

import asyncio
import os
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(os.environ["INTERLOCK_SOURCE_DIR"]) / "tests" / "support"))
import grpc  # noqa: E402
from clients import PlatformClient  # noqa: E402
from instance import Instance  # noqa: E402
from scenario import PlatformTest, scenario  # noqa: E402
from stack import BIN, free_port, http_get  # noqa: E402
from ws_client import FIVE, Client  # noqa: E402

SERVING = b"\x08\x01"
PATIENCE_S = 30
STORM = 100
UPGRADES_PER_S = 20
FEW_FILES = 300        # 256 are kept for other things; half of the rest for who has said nothing
FEW_SESSIONS = 22


async def until(condition, what):
    """`condition` is a coroutine function."""
    async def poll():
        while not await condition():
            await asyncio.sleep(0.05)
    try:
        await asyncio.wait_for(poll(), PATIENCE_S)
    except asyncio.TimeoutError:
        raise AssertionError(f"not in {PATIENCE_S} s: {what}") from None


async def health(instance, name):
    url = f"http://127.0.0.1:{instance.http_port}/health/{name}"
    return (await asyncio.to_thread(http_get, url))[0]


class RulesOfInstances(PlatformTest):
    # ---- 7 ----

    @scenario
    async def test_rule_07_health(self):
        async with self.cloud(gateways=1) as cloud:
            self.injected("the store is away; then every coordinator; then an operator wants the "
                          "gateway empty")
            gateway = cloud.gateways.instances()[0]
            clients = await cloud.connect(5)
            self.server.stop()
            try:
                await until(lambda: self.store_away(cloud), "a coordinator that says so")
                for one in cloud.coordinators.instances():
                    self.assertEqual(await self.probed(one), SERVING)
                    self.assertEqual([await health(one, name) for name in ("live", "ready")],
                                     [200, 200])
                self.assertEqual([await health(gateway, name) for name in ("live", "ready")],
                                 [200, 200])
            finally:
                await asyncio.to_thread(self.server.start)
            cloud.coordinators.traffic()
            cloud.coordinator_edge.cut_all()
            refused = PlatformClient(cloud.url, "refused").start()
            cloud.clients.append(refused)
            await refused.until(lambda c: c.refusals[503] >= 2, "two refusals")
            self.assertTrue(refused.waits_s and min(refused.waits_s) >= 1, "no Retry-After")
            self.assertEqual(await health(gateway, "ready"), 200)
            cloud.coordinators.traffic(first=100)
            await asyncio.gather(*(client.run("m") for client in [*clients, refused]))
            await cloud.gateways.add("first")
            gateway_id = await self.gateway_id(cloud, gateway)
            code, _ = await cloud.ctl("gateway", "drain", gateway_id, "--reason=test")
            self.assertEqual(code, 0)
            await until(lambda: self.is_unready(gateway), "an unready gateway")
            self.assertEqual(await health(gateway, "live"), 200)
            gateway.taking = False
            await self.verdict(cloud, [(client, "m") for client in [*clients, refused]])

    async def store_away(self, cloud):
        return all([await asyncio.to_thread(one.store_is_away)
                    for one in cloud.coordinators.instances()])

    async def is_unready(self, gateway):
        return await health(gateway, "ready") == 503

    async def probed(self, coordinator):
        """As the platform's gRPC probe asks."""
        async with grpc.aio.insecure_channel(f"127.0.0.1:{coordinator.port}") as channel:
            return await channel.unary_unary("/grpc.health.v1.Health/Check")(b"", timeout=5)

    async def gateway_id(self, cloud, gateway):
        _, listed = await cloud.ctl("gateways")
        return next(one["gateway_id"] for one in listed
                    if one["address"].endswith(f":{gateway.port}") and not one["expired"])

    # ---- 8 ----

    @scenario
    async def test_rule_08_cpu(self):
        async with self.cloud() as cloud:
            self.injected("a gateway and a coordinator that get a fifth of their CPU, in slices")
            clients = await cloud.connect(20)
            async with cloud.gateways.instances()[0].throttled(0.2):
                async with cloud.coordinators.instances()[0].throttled(0.2):
                    await asyncio.gather(*(client.run("m") for client in clients))
                    clients += await cloud.connect(10, "late")
                    await asyncio.gather(*(client.run("n") for client in clients))
            await self.verdict(cloud, [(client, "n") for client in clients])

    # ---- 9 ----

    @scenario
    async def test_rule_09_disk_is_memory(self):
        self.injected("K_SERVICE, as in a container, and the rocksdb store")
        async with self.cloud(coordinators=1, gateways=0, agent=False) as cloud:
            refused = self.on_disk(cloud, "refused").start()
            self.assertNotEqual(await asyncio.to_thread(refused.process.wait, PATIENCE_S), 0)
            self.assertIn("container's disk is memory", refused.log_text().replace("\\", ""))
            allowed = self.on_disk(cloud, "allowed", "--volatile_ok")
            await allowed.come_up()
            self.assertEqual((await allowed.terminate()).code, 0)
        self.saw("nothing: the coordinator refuses in a sentence, and serves with --volatile_ok")

    def on_disk(self, cloud, name, *flags):
        port, http_port = free_port(), free_port()
        instance = Instance(name, [
            BIN / "interlock-coordinator", f"--listen=127.0.0.1:{port}", "--auth=none",
            f"--http_listen=127.0.0.1:{http_port}", f"--store=rocksdb:{cloud.folder}/{name}",
            *flags], port, http_port, cloud.folder, {"K_SERVICE": "interlock-coordinator"})
        self.addCleanup(instance.destroy)
        return instance

    # ---- 10 ----

    @scenario
    async def test_rule_10_affinity(self):
        async with self.cloud(gateways=3, coordinator_flags=["--takeovers_per_minute_max=0"]) \
                as cloud:
            self.injected("nine cuts for each client; the next socket is always on another "
                          "instance")
            clients = await cloud.connect(5)
            for number in range(9):
                await asyncio.gather(*(client.message(f"m{number}") for client in clients))
                await asyncio.gather(*(client.cut() for client in clients))
                await asyncio.gather(*(client.served(number + 2) for client in clients))
            await asyncio.gather(*(client.run(f"m{n}") for client in clients for n in range(9)))
            for client in clients:
                self.assertEqual(len(set(cloud.served_by(client.session))), 3)
            await self.verdict(cloud, [(client, f"m{n}") for client in clients for n in range(9)])

    # ---- 11 ----

    @scenario
    async def test_rule_11_freeze(self):
        async with self.cloud() as cloud:
            self.injected("a gateway that stands still for longer than its lease, in the middle of "
                          "runs, and a coordinator for three seconds")
            clients = await cloud.connect(10, silence_s=1)
            patient = await Client().connect(cloud.url({"session": "patient"}))
            await patient.ready()
            frozen = next(one for one in cloud.gateways.instances()
                          if one.name == cloud.served_by("patient")[-1])
            await patient.message("p")
            await patient.wait_events(1)  # the others find a gateway that stands still
            frozen.freeze()
            frozen.taking = False  # the platform sees that it does not answer
            await asyncio.gather(*(client.message("m") for client in clients))
            await until(lambda: self.published(cloud, "patient"), "five events")
            heir = PlatformClient(cloud.url, "patient", silence_s=1)
            heir.generation = patient.hello["generation"]
            cloud.clients.append(heir.start())
            await asyncio.gather(heir.run("p"), *(client.run("m") for client in clients))
            await until(lambda: self.expired(cloud, frozen), "an expired gateway")
            before = len(patient.frames)
            frozen.thaw()
            await patient.wait_closed()
            self.assertEqual(patient.frames[before:], [], "a thawed gateway sent something")
            self.assertIn(patient.code, (4005, 4500))
            frozen.taking = True
            coordinator = cloud.coordinators.instances()[0]
            coordinator.freeze()
            runs = [asyncio.ensure_future(client.run("n")) for client in clients]
            await asyncio.sleep(3)
            coordinator.thaw()
            await asyncio.gather(*runs)
            self.saw(f"the socket on the frozen gateway: {patient.code} {patient.reason!r}, and "
                     "nothing before it")
            await self.verdict(cloud, [(client, name) for client in clients for name in "mn"]
                               + [(heir, "p")])

    async def published(self, cloud, session):
        _, record = await cloud.ctl("get", f"anonymous:{session}")
        return int(record[0]["last_seq"]) == len(FIVE)

    async def expired(self, cloud, gateway):
        _, listed = await cloud.ctl("gateways")
        mine = [one for one in listed if one["address"].endswith(f":{gateway.port}")]
        return all(one["expired"] for one in mine)

    # ---- 12 ----

    @scenario
    async def test_rule_12_limits(self):
        async with self.cloud(gateway_flags=[f"--upgrades_per_second_max={UPGRADES_PER_S}"]) \
                as cloud:
            self.injected(f"{STORM} clients cut at once, {UPGRADES_PER_S} new ones a second and "
                          f"gateway; then an instance with {FEW_FILES} open files")
            clients = [client for n in range(4) for client in await self.slowly(cloud, n)]
            cloud.gateway_edge.cut_all()
            await asyncio.gather(*(client.served(2) for client in clients))
            refused = sum(client.refusals[429] for client in clients)
            self.assertGreater(refused, 0)
            waits = [wait for client in clients for wait in client.waits_s]
            self.assertEqual(len(waits), refused, "a refusal did not say when to come back")
            self.assertGreater(len(set(waits)), 1, "all are told to come back together")
            self.saw(f"{refused} times 429, each with Retry-After: {sorted(set(waits))} s")
            await cloud.gateways.deploy("few", lambda name: cloud.gateway(
                name, flags=["--upgrades_per_second_max=0"], open_files=FEW_FILES))
            await self.too_many(cloud)
            await self.verdict(cloud, [(client, "m") for client in clients])

    async def slowly(self, cloud, number):
        found = await cloud.connect(STORM // 4, f"storm{number}x")
        await asyncio.gather(*(client.run("m") for client in found))
        return found

    async def too_many(self, cloud):
        few = cloud.gateways.revisions["few"].instances[0]

        def url(query):
            return f"ws://127.0.0.1:{few.port}/ws?session={query['session']}"
        clients = [PlatformClient(url, f"few{n}").start() for n in range(FEW_SESSIONS + 5)]
        await asyncio.gather(*(client.until(lambda c: c.is_ready or c.refusals[429], "an answer")
                               for client in clients))
        self.assertEqual(sum(client.is_ready for client in clients), FEW_SESSIONS)
        self.assertTrue(few.alive)
        await asyncio.gather(*(client.leave() for client in clients))


if __name__ == "__main__":
    unittest.main(verbosity=2)
