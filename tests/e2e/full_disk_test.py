"""A PostgreSQL whose disk is full: nothing is half-written, the log says what to do, and when there
is room again everything goes on."""

import asyncio
import os
import pathlib
import pwd
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(os.environ["INTERLOCK_SOURCE_DIR"]) / "tests" / "support"))
from event_scenario import COORDINATOR, GATEWAY, EventTest, Scenario, until  # noqa: E402
from postgres import Postgres  # noqa: E402
from stack import Stack  # noqa: E402

SIZE = "64m"
PAD_BYTES = 4_000
SENTENCE = "The server's disk is full: make room"


def as_root(*words):
    """Only root may mount."""
    sudo = [] if os.geteuid() == 0 else ["sudo", "-n"]
    done = subprocess.run([*sudo, *words], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          check=False)
    assert done.returncode == 0, f"{' '.join(words)}: {done.stderr}"


class FullDisk(EventTest):
    @classmethod
    def setUpClass(cls):
        cls.small = tempfile.mkdtemp(prefix="interlock-small-")
        cls.mounted = False
        cls.server = Postgres()
        try:
            as_root("mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=777", "tmpfs", cls.small)
            cls.mounted = True
            owner = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
            as_root("chown", owner, cls.small)
            cls.server.__enter__()
            # The records only: what PostgreSQL writes ahead has a disk of its own.
            for sql in (f"CREATE TABLESPACE small LOCATION '{cls.small}'",
                        "ALTER DATABASE interlock SET TABLESPACE small"):
                cls.server.sql(sql, database="postgres")
            cls.stack = Stack(agent=False, gateways=1, store=cls.server.url,
                              coordinator_flags=COORDINATOR, gateway_flags=GATEWAY).__enter__()
        except BaseException:
            cls.clean_up()
            raise

    @classmethod
    def clean_up(cls):
        cls.server.__exit__(None, None, None)
        if cls.mounted:
            as_root("umount", cls.small)
        os.rmdir(cls.small)

    @classmethod
    def tearDownClass(cls):
        try:
            cls.stack.__exit__(None, None, None)
        finally:
            cls.clean_up()

    def fill(self):
        """Until nothing more fits, and no row that is there already has room beside it."""
        self.server.sql("CREATE TABLE filler (bytes text)")
        for rows in (1000, 100, 10, 1):
            try:
                while True:
                    self.server.sql("INSERT INTO filler SELECT repeat(md5(random()::text), 200) "
                                    f"FROM generate_series(1, {rows})")
            except AssertionError as error:
                self.assertIn("No space left on device", str(error))

    def log(self):
        return self.stack.coordinator.log_path.read_text(errors="replace")

    async def test_nothing_is_lost_and_the_log_says_what_to_do(self):
        async with Scenario(self.stack, "full", pad=PAD_BYTES) as scenario:
            async def full():
                await scenario.follower.reached(100)
                await asyncio.to_thread(self.fill)
                await until(lambda: SENTENCE in self.log(), f"'{SENTENCE}' in the log")
                before = scenario.publisher.accepted
                await asyncio.to_thread(self.server.sql, "DROP TABLE filler")
                await scenario.follower.reached(before + 1)
            await scenario.run(full())
        self.judge(scenario, "postgres_disk_full", 1, sockets_min=1)
        await self.finished(scenario)
        self.assertEqual(len(scenario.follower.sockets), 1, "the client's socket was given up")
        self.assertIn("The store takes commits again", self.log())


if __name__ == "__main__":
    unittest.main(verbosity=2)
