"""What the services show on /metrics is what README.md says, neither more nor less; and what the
alerts tell people to type can be typed."""

import asyncio
import os
import pathlib
import re
import shlex
import subprocess
import sys
import time
import unittest

import websockets
import yaml
from prometheus_client.parser import text_string_to_metric_families

sys.path.insert(0, str(pathlib.Path(os.environ["INTERLOCK_SOURCE_DIR"]) / "tests" / "support"))
import documented  # noqa: E402
from prometheus import MONITORING  # noqa: E402
from stack import Stack, count, http_get  # noqa: E402
from ws_client import FIVE, Client  # noqa: E402

PATIENCE_S = 30
SESSION = "tab1"
KEY = f"anonymous:{SESSION}"
# It goes on for ever; its filter is one of `list`, so that is asked instead.
INSTEAD = {"watch": "list"}


def scrape(service):
    return http_get(f"http://127.0.0.1:{service.http_port}/metrics")[1]


def shown(services):
    """{name: Metric} of what these services show together."""
    found = {}
    for service in services:
        for family in text_string_to_metric_families(scrape(service)):
            name = family.name + ("_total" if family.type == "counter" else "")
            labels = {label for sample in family.samples for label in sample.labels} - {"le"}
            before = found.get(name, documented.Metric(family.type, frozenset()))
            found[name] = documented.Metric(family.type, before.labels | labels)
    return found


class Shown(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.stack = Stack(gateways=2)
        await asyncio.to_thread(self.stack.__enter__)

    async def asyncTearDown(self):
        await asyncio.to_thread(self.stack.__exit__, None, None, None)

    async def make_everything_happen(self):
        """Some metrics have labels, and are there once something of the kind has happened."""
        client = await Client().connect(self.stack.url(0, session=SESSION))
        await client.ready()
        await client.message("m")
        await client.wait_events(len(FIVE))
        await client.ack(len(FIVE))
        generation = client.hello["generation"]
        await client.cut()
        again = await Client().connect(self.stack.url(
            1, session=SESSION, gen=generation, last_seq=len(FIVE), seq_gen=generation))
        await again.ready()
        with self.assertRaises(websockets.InvalidStatusCode):
            await Client().connect(self.stack.url(0, session="no/session"))
        for port in self.stack.gateway_ports:  # one that is there, and one that is not
            await asyncio.to_thread(http_get, f"http://127.0.0.1:{port}/v1/connections/{KEY}")
        await asyncio.to_thread(
            self.stack.ctl, "release", KEY, "--reason=x", f"--generation={generation + 10**9}",
            check=False)
        await again.close(1000)

    async def test_the_readme_lists_what_there_is(self):
        await self.make_everything_happen()
        for name, services in (("Coordinator", self.stack.coordinators),
                               ("Gateway", self.stack.gateways)):
            wanted = documented.metrics(name)
            deadline = time.monotonic() + PATIENCE_S
            found = await asyncio.to_thread(shown, services)
            while set(wanted) - set(found) and time.monotonic() < deadline:
                await asyncio.sleep(0.1)
                found = await asyncio.to_thread(shown, services)
            with self.subTest(service=name):
                self.assertEqual(set(found) - set(wanted), set(), "README.md does not say these")
                self.assertEqual(set(wanted) - set(found), set(), f"no {name} shows these")
                for metric, what in wanted.items():
                    self.assertEqual(found[metric], what, metric)
            count("e2e.metrics_documented", len(wanted))

    async def test_names_and_units_are_as_prometheus_wants_them(self):
        await self.make_everything_happen()
        for service in [self.stack.coordinator, *self.stack.gateways]:
            done = subprocess.run(["promtool", "check", "metrics"], input=scrape(service),
                                  capture_output=True, text=True, timeout=PATIENCE_S, check=False)
            self.assertEqual((done.returncode, done.stderr), (0, ""), service.name)

    async def test_what_the_alerts_advise_can_be_typed(self):
        client = await Client().connect(self.stack.url(0, session=SESSION))
        await client.ready()
        groups = yaml.safe_load((MONITORING / "alerts.yml").read_text(encoding="utf-8"))["groups"]
        texts = [rule["annotations"]["description"] for group in groups for rule in group["rules"]
                 if "alert" in rule]
        commands = {command for text in texts for command in
                    re.findall(r"`interlockctl ([^`]+)`", text)}
        self.assertGreater(len(commands), 5)
        for command in sorted(commands):
            with self.subTest(command=command):
                verb, *rest = shlex.split(command.replace("KEY", KEY))
                await asyncio.to_thread(self.stack.ctl, INSTEAD.get(verb, verb), *rest)
        await client.close(1000)


if __name__ == "__main__":
    unittest.main(verbosity=2)
