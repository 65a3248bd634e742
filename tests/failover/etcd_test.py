"""Three members of etcd, whose leader is killed, frozen, cut off, or has a disk that stalls."""

import asyncio
import os
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(os.environ["INTERLOCK_SOURCE_DIR"]) / "tests" / "support"))
from etcd import Etcd  # noqa: E402

from member_proxies import MemberProxies  # noqa: E402
from workload import fail_repeatedly, make_stack, started  # noqa: E402

AWAY_S = 3  # longer than it takes to elect another leader


class EtcdFailover(unittest.IsolatedAsyncioTestCase):
    async def run_with(self, etcd, kind, fault):
        async with started(etcd), started(make_stack(etcd.url)) as stack:
            await fail_repeatedly(self, kind, stack, fault)

    @staticmethod
    async def another_leads(etcd, old):
        while (leader := await asyncio.to_thread(etcd.leader)) is old:
            await asyncio.sleep(0.1)
        return leader

    async def test_the_leader_is_killed(self):
        etcd = Etcd()

        async def kill(_):
            leader = await asyncio.to_thread(etcd.leader)
            leader.kill()
            await self.another_leads(etcd, leader)
            leader.start()
        await self.run_with(etcd, "etcd_killed", kill)

    async def test_the_leader_is_frozen(self):
        etcd = Etcd()

        async def freeze(_):
            leader = await asyncio.to_thread(etcd.leader)
            leader.pause()
            await self.another_leads(etcd, leader)
            await asyncio.sleep(AWAY_S)
            leader.resume()
        await self.run_with(etcd, "etcd_frozen", freeze)

    async def test_the_leader_is_cut_off_from_the_others(self):
        # What they say to each other passes through this process, which has other things to do.
        etcd = Etcd(flags=("--heartbeat-interval=200", "--election-timeout=3000"))
        proxies = MemberProxies(etcd)
        await proxies.start()

        # Whoever asks it is still connected to it.
        async def cut(_):
            leader = await asyncio.to_thread(etcd.leader)
            proxies.cut_off(leader)
            try:
                others = [member for member in etcd.members if member is not leader]
                await self.one_leads(others)
                await asyncio.sleep(AWAY_S)
            finally:
                proxies.heal()
        try:
            await self.run_with(etcd, "etcd_cut_off", cut)
        finally:
            await proxies.stop()
        self.assertGreater(proxies.refused, 0, "nobody was cut off")

    @staticmethod
    async def one_leads(members):
        while not any([await asyncio.to_thread(member.leads) for member in members]):
            await asyncio.sleep(0.1)

    async def test_the_disk_of_the_leader_stalls(self):
        etcd = Etcd(can_stall=True)

        async def stall(_):
            leader = await asyncio.to_thread(etcd.leader)
            leader.stall.touch()
            try:
                others = [member for member in etcd.members if member is not leader]
                await self.one_leads(others)
                await asyncio.sleep(AWAY_S)
            finally:
                leader.stall.unlink()
        await self.run_with(etcd, "etcd_disk_stalled", stall)


if __name__ == "__main__":
    unittest.main(verbosity=2)
