"""A PostgreSQL with a synchronous standby that takes its place, restarts, a slow disk, and commits
of which nobody hears how they ended."""

import asyncio
import itertools
import os
import pathlib
import signal
import sys
import unittest
import urllib.parse

sys.path.insert(0, str(pathlib.Path(os.environ["INTERLOCK_SOURCE_DIR"]) / "tests" / "support"))
from cut_proxy import DOWN, CutProxy  # noqa: E402
from postgres import Postgres, PostgresPair  # noqa: E402
from stack import free_port  # noqa: E402

from workload import fail_repeatedly, make_stack, started  # noqa: E402

UNANSWERED_S = 0.5  # commits are made, and nobody hears of them
SLOW_MS = 1_000     # each sync of the disk
SLOW_S = 5


class PostgresFailover(unittest.IsolatedAsyncioTestCase):
    async def test_the_primary_is_killed_and_the_standby_takes_its_place(self):
        async with started(PostgresPair()) as pair, started(make_stack(pair.url)) as stack:
            async def fail_over(_):
                await asyncio.to_thread(pair.fail_over)
                await asyncio.to_thread(pair.add_standby)
            await fail_repeatedly(self, "postgres_promoted", stack, fail_over)

    async def test_an_old_primary_that_comes_back_is_not_believed(self):
        async with started(PostgresPair()) as pair, started(make_stack(pair.url)) as stack:
            async def come_back(work):
                old = await asyncio.to_thread(pair.fail_over)
                # It would take writes, is named first, and everybody has to connect anew.
                with open(old.folder / "data" / "postgresql.auto.conf", "w", encoding="ascii"):
                    pass
                await asyncio.to_thread(old.start)
                written = await asyncio.to_thread(self.rows, old)
                await asyncio.to_thread(pair.primary.sql, "SELECT pg_terminate_backend(pid) FROM "
                                        "pg_stat_activity WHERE usename = 'interlock'")
                await work.served_again()
                self.assertEqual(await asyncio.to_thread(self.rows, old), written,
                                 "somebody wrote into a dead past")
                await asyncio.to_thread(old.kill)
                await asyncio.to_thread(pair.add_standby)
            await fail_repeatedly(self, "postgres_old_primary_back", stack, come_back)

    @staticmethod
    def rows(server):
        """All that a coordinator could have written there."""
        return server.sql("SELECT * FROM interlock_head")

    async def test_the_server_restarts(self):
        async with started(Postgres()) as server, started(make_stack(server.url)) as stack:
            hows = itertools.cycle((signal.SIGINT, signal.SIGQUIT))

            async def restart(_):
                await asyncio.to_thread(server.stop, next(hows))
                await asyncio.to_thread(server.start)
            await fail_repeatedly(self, "postgres_restarted", stack, restart)

    async def test_the_disk_is_slow(self):
        async with (started(Postgres(can_stall=True)) as server,
                    started(make_stack(server.url)) as stack):
            async def slow(_):
                server.stall.write_text(str(SLOW_MS), encoding="ascii")
                await asyncio.sleep(SLOW_S)
                server.stall.unlink()
            await fail_repeatedly(self, "postgres_disk_slow", stack, slow)

    async def test_connections_are_cut_in_the_middle_of_commits(self):
        async with started(Postgres()) as server:
            proxy = await CutProxy(free_port(), server.port).start()
            try:
                parts = urllib.parse.urlsplit(server.url)
                url = parts._replace(netloc=f"interlock:secret@127.0.0.1:{proxy.port}").geturl()
                async with started(make_stack(url)) as stack:
                    await self.cut_commits(server, proxy, stack)
            finally:
                await proxy.stop()

    async def cut_commits(self, server, proxy, stack):
        landed = []

        async def cut(_):
            before = int(await asyncio.to_thread(self.position, server))
            proxy.clog(DOWN)
            await asyncio.sleep(UNANSWERED_S)
            proxy.cut()
            landed.append(int(await asyncio.to_thread(self.position, server)) - before)
            proxy.heal()
        await fail_repeatedly(self, "postgres_commit_unanswered", stack, cut)
        self.assertTrue(all(landed), f"no commit was made of which nobody heard: {landed}")

    @staticmethod
    def position(server):
        return server.sql("SELECT position FROM interlock_head")


if __name__ == "__main__":
    unittest.main(verbosity=2)
