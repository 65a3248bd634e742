"""SIGTERM with thousands of connections: every client is told, all are let go, and the process has
ended with 0 before the platform would kill it."""

import asyncio
import os
import pathlib
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(os.environ["INTERLOCK_SOURCE_DIR"]) / "tests" / "support"))
from crowd import Crowd  # noqa: E402
from scenario import PlatformTest, scenario  # noqa: E402
from stack import count  # noqa: E402

FULL = os.environ.get("INTERLOCK_FULL") == "1"
CONNECTIONS = 10_000 if FULL else 2_000
BUDGET_S = 8
SECONDS_MAX = 300
REAL_LEASES = ["--lease_ttl=15s", "--heartbeat=5s"]
REAL_HOLDS = ["--hold_after=10s"]
# The crowd comes from one process, as fast as that one can.
ANY_PACE = "--upgrades_per_second_max=0"


class Drain(PlatformTest):
    def test_a_gateway_and_a_coordinator_end_within_the_budget(self):
        scenario(type(self).drain, SECONDS_MAX)(self)

    async def drain(self):
        async with self.cloud(agent=False, coordinator_flags=REAL_LEASES,
                              gateway_flags=[*REAL_HOLDS, ANY_PACE]) as cloud:
            self.injected(f"SIGTERM to a gateway with {CONNECTIONS} connections, then to the "
                          "coordinator that it is attached to")
            crowd = Crowd(CONNECTIONS)
            leaving, staying = cloud.gateways.instances()
            try:
                await crowd.connect(leaving.port)
                await self.gateway(cloud, crowd, leaving, staying)
                await self.coordinators(cloud, crowd)
            finally:
                crowd.leave()
            self.assertEqual(cloud.audit.problems, [])
            self.assertEqual(cloud.closes().get(1011, 0), 0)
            count("platform.drained_connections", CONNECTIONS)

    async def gateway(self, cloud, crowd, leaving, staying):
        gateway_id = await self.id_of(cloud, leaving)
        owned = ["list", f'--filter=gateway = "{gateway_id}"']
        self.assertEqual(len((await cloud.ctl(*owned))[1]), CONNECTIONS)
        away = list(crowd.members.values())
        began = time.monotonic()
        ending = await cloud.gateways.end(leaving)
        self.assertEqual((ending.code, ending.killed), (0, False), leaving.log_tail())
        self.assertLess(ending.seconds, BUDGET_S)
        await crowd.until(lambda: all(member.ended for member in away))
        self.assertEqual({member.code for member in away}, {4001})
        self.assertNotIn(None, {member.told_ms for member in away})
        self.assertEqual({"after_ms=" in member.reason for member in away}, {True})
        self.assertIn('"every_operation_answered":true', leaving.log_text())
        self.assertEqual(await cloud.ctl(*owned), (0, []), "not all were detached")
        await crowd.connect(staying.port, told=True)
        spread = max(member.told_ms for member in away)
        self.saw(f"{len(away)} times 4001, told to come back within {spread / 1000:.1f} s; the "
                 f"gateway was gone after {ending.seconds:.2f} s, and everybody was served again "
                 f"{time.monotonic() - began:.1f} s after SIGTERM ({crowd.refused} refused)")
        count("platform.gateway_drain_ms", round(ending.seconds * 1000))

    async def coordinators(self, cloud, crowd):
        """Each of them once, so that of the gateway too."""
        seconds = []
        for coordinator in list(cloud.coordinators.instances()):
            await cloud.coordinators.add("first")
            ending = await cloud.coordinators.end(coordinator)
            self.assertEqual((ending.code, ending.killed), (0, False), coordinator.log_tail())
            self.assertLess(ending.seconds, BUDGET_S)
            seconds.append(ending.seconds)
        code, shown = await cloud.ctl("list", "--live")
        self.assertEqual((code, len(shown)), (0, CONNECTIONS))
        self.assertEqual({one["state"] for one in shown}, {"PROCESSING_READY"})
        self.assertEqual(sum(member.ended for member in crowd.members.values()), 0)
        self.saw(f"nothing of the coordinators' ends ({max(seconds):.2f} s at most)")
        count("platform.coordinator_drain_ms", round(max(seconds) * 1000))

    async def id_of(self, cloud, gateway):
        _, listed = await cloud.ctl("gateways")
        return next(one["gateway_id"] for one in listed
                    if one["address"].endswith(f":{gateway.port}"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
