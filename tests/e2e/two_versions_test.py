"""The present build beside an earlier one, over one store: events arrive once and in order through
coordinators and gateways of both.

The other build is that of INTERLOCK_OTHER_VERSION, of the last tag, or, as long as there is none, of
the first commit that several coordinators could run; it is built in a worktree of its own."""

import asyncio
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(os.environ["INTERLOCK_SOURCE_DIR"]) / "tests" / "support"))
from event_scenario import COORDINATOR, GATEWAY, EventTest  # noqa: E402
from postgres import Postgres  # noqa: E402
from stack import SOURCE, Stack, count  # noqa: E402
from ws_client import Client  # noqa: E402

FIRST = "c80cc9cc8539b8f091f2e69caed0b3fbb74b6e96"
PROGRAMS = ("interlock-coordinator", "interlock-gateway")
BUILD_S_MAX = 1500


def git(*words):
    return subprocess.run(["git", "-C", str(SOURCE), *words], capture_output=True, text=True,
                          check=False, stdin=subprocess.DEVNULL)


def other_version():
    named = os.environ.get("INTERLOCK_OTHER_VERSION")
    tag = git("describe", "--tags", "--abbrev=0").stdout.strip()
    return named or tag or FIRST


class TwoVersions(EventTest):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="interlock-other-"))
        cls.server = None
        try:
            other = cls.build(cls.folder / "tree")
            cls.server = Postgres().__enter__()
            cls.stack = Stack(agent=False, gateways=4, coordinators=2, store=cls.server.url,
                              coordinator_flags=COORDINATOR, gateway_flags=GATEWAY, pinned=True)
            # Gateways 0 and 2 ask coordinator 0, 1 and 3 the other one: each kind with each.
            old = (cls.stack.coordinators[0], cls.stack.gateways[2], cls.stack.gateways[3])
            for service in old:
                service.command[0] = str(other / pathlib.Path(service.command[0]).name)
            cls.stack.__enter__()
        except BaseException:
            cls.clean_up()
            raise

    @classmethod
    def build(cls, tree):
        made = git("worktree", "add", "--detach", str(tree), other_version())
        assert made.returncode == 0, made.stderr
        done = subprocess.run([tree / "deploy" / "build.sh", "--target", *PROGRAMS],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=BUILD_S_MAX, check=False)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        return tree / "build" / "bin"

    @classmethod
    def clean_up(cls):
        if cls.server is not None:
            cls.server.__exit__(None, None, None)
        git("worktree", "remove", "--force", str(cls.folder / "tree"))
        shutil.rmtree(cls.folder, ignore_errors=True)

    @classmethod
    def tearDownClass(cls):
        try:
            cls.stack.__exit__(None, None, None)
        finally:
            cls.clean_up()

    async def test_a_key_goes_around_between_both(self):
        async def cut(scenario):
            await scenario.follower.client.cut()
        for publisher_port in self.stack.coordinator_ports:
            name = f"two_versions_{self.stack.coordinator_ports.index(publisher_port)}"
            scenario = await self.check(name, 10, cut, publisher_port=publisher_port)
            self.assertEqual({socket.gateway for socket in scenario.follower.sockets}, {0, 1, 2, 3})
        count("versions.beside_the_present_one", 1)

    async def test_each_takes_over_from_each(self):
        for first in range(4):
            for second in range(4):
                session = f"from{first}to{second}"
                old = await Client().connect(self.stack.url(first, session=session))
                await old.ready()
                new = await Client().connect(self.stack.url(second, session=session))
                await new.ready()
                self.assertEqual(await old.wait_closed(), 4500)
                await new.close(1000)

    async def test_both_show_the_same(self):
        client = await Client().connect(self.stack.url(0, session="shown"))
        await client.ready()
        shown = [await asyncio.to_thread(self.stack.ctl, "get", "anonymous:shown", "--latest",
                                         coordinator=number) for number in range(2)]
        for field in ("state", "owner", "generation", "transitions"):
            self.assertEqual(shown[0][0][field], shown[1][0][field], field)
        await client.close(1000)


if __name__ == "__main__":
    unittest.main(verbosity=2)
