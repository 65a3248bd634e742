"""Prometheus as Debian has it watches real services by the shipped rules: nobody is told of
anything until somebody ends with 1011 and two clients fight over a key, and then of that only."""

import asyncio
import contextlib
import json
import os
import pathlib
import re
import sys
import time
import unittest

import websockets
import yaml

sys.path.insert(0, str(pathlib.Path(os.environ["INTERLOCK_SOURCE_DIR"]) / "tests" / "support"))
from prometheus import MONITORING, Prometheus  # noqa: E402
from stack import Stack, count  # noqa: E402
from ws_client import Client  # noqa: E402

SENT_1011, FLAPPING = "InterlockOthersSent1011", "InterlockFlappingKeys"
FIRES_S = 60
QUIET_EVALUATIONS = 5
FIGHT_PAUSE_S = 0.1  # between two takeovers
DEFECT = 1011


class Watched(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.stack = Stack(gateways=2)
        await asyncio.to_thread(self.stack.__enter__)
        self.prometheus = Prometheus(self.stack, hurried=[FLAPPING])
        await asyncio.to_thread(self.prometheus.__enter__)
        self.clients = []

    async def asyncTearDown(self):
        for client in self.clients:
            await client.close(1000)
        await asyncio.to_thread(self.prometheus.__exit__, None, None, None)
        await asyncio.to_thread(self.stack.__exit__, None, None, None)

    async def connected(self, session, gateway=0):
        client = await Client().connect(self.stack.url(gateway, session=session))
        await client.ready()
        self.clients.append(client)
        return client

    async def until(self, condition, what, timeout_s=FIRES_S):
        await asyncio.to_thread(self.prometheus.wait, condition, what, timeout_s)

    async def fired(self, name):
        """The one alert of this name, once it fires."""
        def named():
            return [one for one in self.prometheus.firing() if one["labels"]["alertname"] == name]
        await self.until(named, f"{name} to fire")
        alert, = await asyncio.to_thread(named)
        return alert

    async def all_is_well(self):
        """Every target is up, every rule has been evaluated, and nothing fires."""
        def scraped():
            targets = self.prometheus.targets()
            return len(targets) == 3 and all(one["health"] == "up" for one in targets)
        await self.until(scraped, "the targets to be up")
        jobs = sorted(one["labels"]["job"] for one in self.prometheus.targets())
        self.assertEqual(jobs, ["interlock-coordinator"] + 2 * ["interlock-gateway"])
        count_of = "min(count_over_time(up[10m]))"
        await self.until(lambda: max(self.prometheus.value(count_of).values(), default=0) >
                         QUIET_EVALUATIONS, "a few scrapes")
        await self.until(lambda: all(rule["health"] == "ok" for rule in self.prometheus.rules()),
                         "every rule to be evaluated")
        shipped = yaml.safe_load((MONITORING / "alerts.yml").read_text(encoding="utf-8"))
        self.assertEqual(len(self.prometheus.rules()),
                         sum(len(group["rules"]) for group in shipped["groups"]))
        self.assertEqual(self.prometheus.ever_fired(), set())

    async def test_the_alerts_fire_on_a_1011_and_on_a_flapping_key_and_not_before(self):
        clients = [await self.connected(f"s{each}", gateway=each % 2) for each in range(4)]
        await self.all_is_well()

        await clients[1].close(DEFECT)
        alert = await self.fired(SENT_1011)
        self.assertEqual(alert["labels"], {"alertname": SENT_1011, "severity": "warning",
                                           "origin": "client"})
        self.assertIn("sent by the client", alert["annotations"]["summary"])
        self.assert_the_log_policy_knows_such_lines(self.stack.gateways[1])
        self.assertEqual(self.prometheus.ever_fired(), {SENT_1011})

        fight = asyncio.ensure_future(self.fight("s0"))
        try:
            alert = await self.fired(FLAPPING)
        finally:
            fight.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await fight
        coordinator = f"127.0.0.1:{self.stack.coordinator.http_port}"
        self.assertEqual(alert["labels"], {"alertname": FLAPPING, "severity": "warning",
                                           "instance": coordinator})
        self.assertIn(coordinator, alert["annotations"]["description"])
        self.assertGreater(self.refused, 0, "nobody's takeover was refused")
        self.assertEqual(self.prometheus.ever_fired(), {SENT_1011, FLAPPING})
        count("e2e.alerts_fired", 2)

    async def fight(self, session):
        """Two clients that reconnect whatever they are told, until cancelled."""
        self.refused = 0
        turn = 0
        while True:
            try:
                self.clients.append(
                    await Client().connect(self.stack.url(turn % 2, session=session)))
            except websockets.InvalidStatusCode as refusal:
                self.assertEqual(refusal.status_code, 429)
                self.refused += 1
            turn += 1
            await asyncio.sleep(FIGHT_PAUSE_S)

    def assert_the_log_policy_knows_such_lines(self, gateway):
        """What Cloud Monitoring looks for in the log is what gateways write, but the origin."""
        policy = yaml.safe_load(
            (MONITORING / "cloud_monitoring" / "gateway_logged_1011.yaml").read_text("utf-8"))
        text = policy["conditions"][0]["conditionMatchedLog"]["filter"]
        wanted = {name: json.loads(value)
                  for name, value in re.findall(r"^jsonPayload\.(\w+)=(.+)$", text, re.MULTILINE)}
        self.assertEqual(wanted.pop("origin"), "gateway")
        self.assertEqual(len(wanted), 2)
        deadline = time.monotonic() + FIRES_S
        while True:
            lines = map(json.loads, gateway.log_path.read_text(encoding="utf-8").splitlines())
            found = [line for line in lines if wanted.items() <= line.items()]
            if found:
                break
            self.assertLess(time.monotonic(), deadline, f"no line with {wanted}")
        self.assertEqual([line["origin"] for line in found], ["client"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
