"""Rule 6 of the platform with everything real but the platform: gateways prove themselves with the
metadata server's tokens, coordinators verify those against its key set, and the metadata server has
its moods."""

import asyncio
import json
import os
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(os.environ["INTERLOCK_SOURCE_DIR"]) / "tests" / "support"))
from invoker import Invoker  # noqa: E402
from metadata_server import ISSUER, MetadataServer  # noqa: E402
from scenario import PlatformTest, scenario  # noqa: E402
from stack import free_port, http_get  # noqa: E402

AUDIENCE = "https://interlock-coordinator.example"
STATIC_TOKEN = "of-the-backend-and-the-operators"
# A gateway asks for another token when half of this is over, and this one is taken until half a
# minute after its end: so faults are met at once, and may last for as long as they do here.
TOKEN_S = 6
PATIENCE_S = 30
REFRESHES = "interlock_identity_refreshes_total"


async def until(condition, what):
    async def poll():
        while not await asyncio.to_thread(condition):
            await asyncio.sleep(0.05)
    try:
        await asyncio.wait_for(poll(), PATIENCE_S)
    except asyncio.TimeoutError:
        raise AssertionError(f"not in {PATIENCE_S} s: {what}") from None


def refreshes(gateway, result):
    return gateway.metric(REFRESHES).get(f'{{result="{result}"}}', 0)


class Identity(PlatformTest):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="interlock-identity-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.metadata = MetadataServer(free_port())
        self.metadata.token_s = TOKEN_S

    def file(self, name, content):
        path = self.folder / name
        path.write_text(json.dumps(content))
        return path

    def proving_cloud(self, **options):
        """Gateways are let in by the edge, and again by coordinators, for their tokens alone."""
        tokens = self.file("tokens", [{"token": STATIC_TOKEN, "subject": "harness",
                                       "role": ["publisher", "reader", "operator"]}])
        roles = self.file("roles", [{"email": self.metadata.email, "role": "gateway"}])
        return self.cloud(
            token=STATIC_TOKEN,
            coordinator_flags=["--auth=token,jwt", f"--token_file={tokens}",
                               f"--roles_file={roles}", f"--auth_jwks={self.metadata.url}/certs",
                               f"--auth_issuer={ISSUER}", f"--auth_audience={AUDIENCE}"],
            gateway_flags=["--coordinator_identity=metadata", f"--coordinator_audience={AUDIENCE}",
                           f"--metadata_url={self.metadata.url}"], **options)

    def faults(self):
        """{name: what it does to the metadata server}"""
        metadata = self.metadata

        def be(**moods):
            return lambda: vars(metadata).update(moods)
        return {"slower than anybody waits": be(late_s=30), "status 500": be(status=500),
                "nonsense": be(body="not a token"), "expired tokens": be(token_s=-60),
                "tokens for somebody else": be(audience="https://somebody.else")}

    def heal(self):
        self.metadata.heal()
        self.metadata.token_s = TOKEN_S

    async def met(self, cloud, result, *, times=1):
        """Each gateway has asked so often more with this result."""
        gateways = cloud.gateways.all_instances()
        before = [refreshes(one, result) for one in gateways]
        await until(lambda: all(refreshes(one, result) >= was + times
                                for one, was in zip(gateways, before)),
                    f"{times} refreshes that are {result}")

    @scenario
    async def test_rule_06_metadata_server_is_slow_wrong_or_gives_expired_tokens(self):
        await self.metadata.start()
        async with self.proving_cloud() as cloud:
            invoker = cloud.coordinator_edge.invoker = Invoker(self.metadata, AUDIENCE,
                                                               {self.metadata.email})
            clients = await cloud.connect(20)
            runs = []
            self.injected("a metadata server, each until every gateway had met it, with all calls "
                          f"cut meanwhile: {', '.join(self.faults())}; and it is away")
            for name, fault in [*self.faults().items(), ("away", None)]:
                if fault:
                    fault()
                else:
                    await self.metadata.stop()
                await self.met(cloud, "failed")
                cloud.coordinator_edge.cut_all()  # who attaches again shows the old token
                await asyncio.gather(*(client.run(name) for client in clients))
                runs += [(client, name) for client in clients]
                if not fault:
                    await self.metadata.start()
                self.heal()
                await self.met(cloud, "ok")
            self.assertEqual(invoker.refused, [], "a token was shown that is no use")
            self.assertGreaterEqual(cloud.coordinator_edge.cuts, 6 * 2)
            await self.verdict(cloud, runs)
        await self.metadata.stop()

    @scenario
    async def test_rule_06_a_gateway_without_a_token_is_not_ready_and_becomes_so(self):
        await self.metadata.start()
        async with self.proving_cloud(gateways=1) as cloud:
            clients = await cloud.connect(5)
            self.injected("a gateway that starts while the metadata server answers with status 503")
            self.metadata.status = 503
            late = cloud.gateway("late")
            try:
                late.start()
                await until(lambda: refreshes_of_new(late) >= 2, "two answers")
                status, said = http_get(f"http://127.0.0.1:{late.http_port}/health/ready")
                self.assertEqual(status, 503)
                self.assertIn("the metadata server answered with status 503", said)
                await asyncio.gather(*(client.run("meanwhile") for client in clients))
                self.heal()
                await until(late.is_ready, "ready, with a token")
                await self.verdict(cloud, [(client, "meanwhile") for client in clients])
            finally:
                late.destroy()
        await self.metadata.stop()

    @scenario
    async def test_rule_06_a_gateway_that_lost_its_right_is_refused_and_comes_back_with_it(self):
        await self.metadata.start()
        async with self.proving_cloud(gateways=1) as cloud:
            clients = await cloud.connect(5)
            self.injected("an edge that does not know the account for a while, and cuts all calls")
            invoker = cloud.coordinator_edge.invoker = Invoker(self.metadata, AUDIENCE, set())
            cloud.coordinator_edge.cut_all()
            await until(lambda: len(invoker.refused) >= 3, "three refusals")
            invoker.allowed.add(self.metadata.email)
            await asyncio.gather(*(client.run("again") for client in clients))
            await self.verdict(cloud, [(client, "again") for client in clients])
        await self.metadata.stop()


def refreshes_of_new(gateway):
    """It may not listen yet."""
    try:
        return refreshes(gateway, "failed")
    except OSError:
        return 0


if __name__ == "__main__":
    unittest.main(verbosity=2)
