"""The platform's rules, one scenario each, under the numbers that the design gives them. Rules 7
to 12 are in rules_instances_test.py."""

import asyncio
import json
import os
import pathlib
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(os.environ["INTERLOCK_SOURCE_DIR"]) / "tests" / "support"))
import grpc  # noqa: E402
import jwt  # noqa: E402
from clients import PlatformClient  # noqa: E402
from instance import Instance  # noqa: E402
from invoker import Invoker  # noqa: E402
from metadata_server import MetadataServer  # noqa: E402
from other_version import other_programs  # noqa: E402
from process_files import listens_on  # noqa: E402
from scenario import PlatformTest, scenario  # noqa: E402
from stack import BIN, free_port  # noqa: E402
from ws_client import Client  # noqa: E402

AUDIENCE = "https://interlock-coordinator.example"
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0"
SETTINGS_FRAME = 4
EVERYWHERE = ("0" * 8, "0" * 32)  # of IPv4, and of both
GATEWAY_TOKEN, CLIENT_KEY = "gateway-token-of-a-test", "k" * 32


class Rules(PlatformTest):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="interlock-rules-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def file(self, name, text):
        (self.folder / name).write_text(text)
        return str(self.folder / name)

    # ---- 1 ----

    def contained(self, program, **environment):
        """As in a container: no flag, everything from the environment."""
        port, http_port = free_port(), free_port()
        variables = {"PORT": str(port), "INTERLOCK_HTTP_LISTEN": f"127.0.0.1:{http_port}",
                     **{f"INTERLOCK_{name}": value for name, value in environment.items()}}
        instance = Instance(program, [BIN / program], port, http_port, self.folder, variables)
        self.addCleanup(instance.destroy)
        return instance

    async def exchange(self, port, said):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(said)
        try:
            return await asyncio.wait_for(reader.read(1024), 5)
        finally:
            writer.close()

    @scenario
    async def test_rule_01_port(self):
        self.injected("PORT, and nothing on the command line")
        tokens = self.file("tokens", json.dumps(
            [{"token": GATEWAY_TOKEN, "role": "gateway", "subject": "g"}]))
        coordinator = self.contained("interlock-coordinator", STORE="memory:", AUTH="token",
                                     TOKEN_FILE=tokens)
        gateway = self.contained(
            "interlock-gateway", COORDINATOR=f"127.0.0.1:{coordinator.port}",
            COORDINATOR_TOKEN_FILE=self.file("own", GATEWAY_TOKEN),
            AUTH_KEY_FILE=self.file("key", CLIENT_KEY))
        for instance in (coordinator, gateway):
            await instance.come_up()
            self.assertIn(listens_on(instance.process.pid).get(instance.port), EVERYWHERE)
        self.assertEqual((await self.exchange(coordinator.port, PREFACE))[3], SETTINGS_FRAME)
        answer = await self.exchange(gateway.port, b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n")
        self.assertTrue(answer.startswith(b"HTTP/1.1 404"), answer)
        token = jwt.encode({"sub": "alice", "exp": int(time.time()) + 60}, CLIENT_KEY, "HS256")
        client = await Client().connect(f"ws://127.0.0.1:{gateway.port}/ws",
                                        {"Authorization": f"Bearer {token}"})
        await client.ready()
        await client.close()
        wrong = self.contained("interlock-gateway").start()
        wrong.environment["PORT"] = "http"
        wrong.destroy()
        self.assertNotEqual(await asyncio.to_thread(wrong.start().process.wait, 10), 0)
        self.assertIn("PORT does not accept", wrong.log_text())
        self.saw("HTTP/1.1 at the gateway's PORT and h2c at the coordinator's, on every address; "
                 "PORT=http is refused in a sentence")

    # ---- 2 ----

    @scenario
    async def test_rule_02_sigterm(self):
        async with self.cloud() as cloud:
            clients = await cloud.connect(20)
            self.injected("SIGTERM to one of two instances of each service while 20 runs are open; "
                          "then one that does not hear it, and is killed")
            runs = [asyncio.ensure_future(client.run("m")) for client in clients]
            ended = cloud.gateway_of(clients[0])
            for service, instance in ((cloud.gateways, ended),
                                      (cloud.coordinators, cloud.coordinators.instances()[0])):
                ending = await service.end(instance)
                self.assertEqual((ending.code, ending.killed), (0, False))
                self.assertLess(ending.seconds, 8)
            await asyncio.gather(*runs)
            moved = [client for client in clients if client.closes]
            self.assertGreater(len(moved), 0)
            for client in moved:
                self.assertEqual((client.closes, len(client.told)), ({4001: 1}, 1), client)
            deaf = cloud.gateways.instances()[0]
            await cloud.gateways.add("first")
            deaf.freeze()
            ending = await cloud.gateways.end(deaf, term_s=1)
            self.assertTrue(ending.killed)
            await asyncio.gather(*(client.served() for client in clients))
            await asyncio.gather(*(client.run("after") for client in clients))
            await self.verdict(cloud, [(client, name) for client in clients
                                       for name in ("m", "after")])

    # ---- 3 ----

    @scenario
    async def test_rule_03_hour(self):
        limits = ["--session_age_max=2500ms", "--session_age_jitter=1s"]
        async with self.cloud(gateway_flags=limits) as cloud:
            self.injected("an hour of 4 s; gateways that close first (2.5 s less up to 1 s), then "
                          "gateways that do not")
            cloud.gateways.link.request_s_max = 4
            clients = await cloud.connect(10)
            await asyncio.gather(*(client.served(3) for client in clients))
            await asyncio.gather(*(client.run("first") for client in clients))
            self.assertEqual(cloud.gateway_edge.cuts, 0, "the edge was first")
            for client in clients:
                self.assertEqual(set(client.closes), {4002}, client)
                self.assertEqual(len(client.told), client.closes[4002])
            await cloud.gateways.deploy("ageless", lambda name: cloud.gateway(
                name, flags=["--session_age_max=0"]), instances=2, share=100)
            await asyncio.gather(*(client.until(lambda c: c.closes[1006], "the edge's cut")
                                   for client in clients))
            await asyncio.gather(*(client.run("second") for client in clients))
            self.assertGreaterEqual(cloud.gateway_edge.cuts, 10)
            await self.verdict(cloud, [(client, name) for client in clients
                                       for name in ("first", "second")])

    # ---- 4 ----

    @scenario
    async def test_rule_04_grpc_edge(self):
        async with self.cloud() as cloud:
            self.injected("an hour of 2 s for calls, ten calls on one channel, and three publishes "
                          "that are carried out and not answered")
            cloud.coordinators.link.request_s_max = 2
            cloud.coordinator_edge.cut_all()
            clients = await cloud.connect(10)
            await self.looks(cloud)
            cloud.coordinator_edge.lose_answers("/interlock.v1.Events/Publish", 3)
            runs = [client.run("m") for client in clients]
            await asyncio.gather(*runs)
            while cloud.coordinator_edge.cuts < 12:
                await asyncio.sleep(0.1)
            await asyncio.gather(*(client.run("behind") for client in clients))
            self.assertEqual(sum(client.closes.total() for client in clients), 0)
            attached = {name for method, name in cloud.coordinator_edge.relayed
                        if method.endswith("/Attach")}
            self.assertEqual(len(attached), 2)
            self.assertGreater(cloud.audit.resumed, 0)
            self.saw(f"nothing of {cloud.coordinator_edge.cuts} streams and calls that were cut")
            await self.verdict(cloud, [(client, name) for client in clients
                                       for name in ("m", "behind")])

    async def looks(self, cloud):
        async with grpc.aio.insecure_channel(f"127.0.0.1:{cloud.coordinator_edge.port}") as channel:
            for _ in range(10):
                await channel.unary_unary("/interlock.v1.Admin/Stats")(b"", timeout=5)
        asked = {name for method, name in cloud.coordinator_edge.relayed
                 if method.endswith("/Stats")}
        self.assertEqual(len(asked), 2, "one channel reached one coordinator only")

    # ---- 5 ----

    @scenario
    async def test_rule_05_old_gateways(self):
        with other_programs() as old:
            async with self.cloud(binaries=old) as cloud:
                self.injected(f"a newer revision of both services ({BIN} beside {old}); gateways "
                              "of the old one live on with their clients")
                clients = await cloud.connect(20)
                for service, make in ((cloud.coordinators, cloud.coordinator),
                                      (cloud.gateways, cloud.gateway)):
                    await service.deploy("second", lambda name, make=make: make(name, BIN),
                                         instances=2, share=100)
                await asyncio.gather(*(client.run("old") for client in clients))
                for coordinator in list(cloud.coordinators.revisions["first"].instances):
                    await cloud.coordinators.end(coordinator)
                fresh = await cloud.connect(10, "fresh")
                for client in clients[:10]:  # across revisions, in both directions
                    await client.cut()
                await asyncio.gather(*(client.run("new") for client in clients + fresh))
                self.assertEqual(sum(client.closes.total() for client in clients[10:]), 0)
                cloud.gateways.traffic(first=100)  # a rollback
                for client in fresh:
                    await client.cut()
                await asyncio.gather(*(client.run("back") for client in clients + fresh))
                await self.verdict(cloud, [(client, name) for client in clients
                                           for name in ("old", "new", "back")])

    # ---- 6 ----

    @scenario
    async def test_rule_06_identity(self):
        metadata = await MetadataServer(free_port()).start()
        async with self.cloud(gateways=0) as cloud:
            self.injected("an edge that lets nobody call but gateways with a token of the metadata "
                          "server: a good one, an expired one, one for another audience, none")
            invoker = cloud.coordinator_edge.invoker = Invoker(metadata, AUDIENCE, {metadata.email})
            good = [f"--coordinator_token_file={self.file('good', metadata.token(AUDIENCE))}"]
            metadata.token_s = -60
            bad = {"expired": metadata.token(AUDIENCE)}
            metadata.heal()
            bad["elsewhere"] = metadata.token("https://somebody.else")
            for name, token in [*bad.items(), ("none", "x")]:
                flags = [f"--coordinator_token_file={self.file(name, token)}"]
                await cloud.gateways.deploy(
                    name, lambda name, flags=flags: cloud.gateway(name, flags=flags), share=100)
                before = len(invoker.refused)
                client = PlatformClient(cloud.url, name).start()
                cloud.clients.append(client)
                await client.until(lambda c: c.refusals[503] >= 2, "two refusals")
                self.assertLess(len(invoker.refused) - before, 60, "a tight loop")
            await cloud.gateways.deploy("good", lambda name: cloud.gateway(name, flags=good),
                                        instances=2, share=100)
            await asyncio.gather(*(client.run("m") for client in cloud.clients))
            self.assertEqual(set(invoker.refused), {grpc.StatusCode.UNAUTHENTICATED})
            await self.verdict(cloud, [(client, "m") for client in cloud.clients])
        await metadata.stop()


if __name__ == "__main__":
    unittest.main(verbosity=2)
