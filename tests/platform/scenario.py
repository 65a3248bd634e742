"""What every scenario has: a time that it must not exceed, a store of its own, and a verdict."""

import asyncio
import collections
import functools
import unittest

from cloud import Cloud
from postgres import Postgres
from stack import count
from ws_client import FIVE

SCENARIO_S_MAX = 120


def scenario(test, seconds_max=SCENARIO_S_MAX):
    """A coroutine as a test. Not by IsolatedAsyncioTestCase, whose loop debugs and is slow."""
    @functools.wraps(test)
    def run(self):
        asyncio.run(asyncio.wait_for(test(self), seconds_max))
    return run


class PlatformTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Postgres().__enter__()
        cls.databases = 0

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__(None, None, None)

    @classmethod
    def store(cls):
        """A database that nobody has used."""
        cls.databases += 1
        name = f"platform{cls.databases}"
        cls.server.sql(f"CREATE DATABASE {name} OWNER interlock", database="postgres")
        return cls.server.url.rpartition("/")[0] + "/" + name

    def cloud(self, **options):
        return Cloud(self.store(), **options)

    @property
    def title(self):
        return self.id().rpartition(".test_")[2]

    def injected(self, text):
        print(f"\n  {self.title}\n    injected: {text}", flush=True)

    def saw(self, text):
        print(f"    clients saw: {text}", flush=True)

    async def verdict(self, cloud, runs=()):
        """Everything that must hold whatever was done. `runs`: (client, message) whose five events
        must all have come."""
        await asyncio.gather(*(client.served() for client in cloud.clients))
        await cloud.audit.caught_up(await cloud.ctl("list"))
        problems = [text for client in cloud.clients for text in client.problems()]
        problems += [f"{client}: of the run of {message} came {client.run_of(message)}"
                     for client, message in runs if client.run_of(message) != FIVE]
        problems += cloud.audit.problems
        closes = cloud.closes()
        if closes.get(1011):
            problems.append(f"{closes[1011]} closes with 1011")
        self.assertEqual(problems, [])
        self.assertGreater(cloud.audit.checked, 0, "no transition was looked at")
        self.saw(self.summary(cloud, runs, closes))
        count("platform.transitions_checked", cloud.audit.checked)
        count("platform.clients", len(cloud.clients))
        count("platform.runs_of_five", len(runs))
        count("platform.sockets", sum(len(client.hellos) for client in cloud.clients))
        count("platform.closes_1011", closes.get(1011, 0))

    def summary(self, cloud, runs, closes):
        sums = collections.Counter()
        for client in cloud.clients:
            sums.update({f"refused {status}": n for status, n in client.refusals.items()})
            sums.update({f"closed {code}": n for code, n in client.closes.items()})
        interruptions = [s for client in cloud.clients for s in client.interruptions_s]
        longest = f", longest interruption {max(interruptions):.2f} s" if interruptions else ""
        return (f"{len(cloud.clients)} clients on {sum(len(c.hellos) for c in cloud.clients)} "
                f"sockets, {len(runs)} runs of five events, {dict(sums)}, 1011: "
                f"{closes.get(1011, 0)}, {cloud.audit.checked} transitions, all valid{longest}")
