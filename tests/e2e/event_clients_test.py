"""Events arrive once and in order, whatever the client and its network do."""

import asyncio
import os
import pathlib
import socket
import sys
import unittest

import grpc

sys.path.insert(0, str(pathlib.Path(os.environ["INTERLOCK_SOURCE_DIR"]) / "tests" / "support"))
from event_scenario import EVENTS, OUTBOX, EventTest, Scenario, until, url_of  # noqa: E402
from follower import numbered  # noqa: E402
from frame_cutter import FrameCutter  # noqa: E402
from publisher import Publisher, planned, refusal_of  # noqa: E402
from stack import count, free_port  # noqa: E402
from ws_client import Client  # noqa: E402


class Clients(EventTest):
    async def test_page_reload(self):
        async def reload(scenario):
            await scenario.follower.client.close(1001)
        await self.check("page_reload", 5, reload)

    async def test_twenty_reconnects_through_alternating_gateways(self):
        async def cut(scenario):
            await scenario.follower.client.cut()
        scenario = await self.check("reconnects", 20, cut)
        gateways = [socket.gateway for socket in scenario.follower.sockets]
        self.assertEqual(gateways, [turn % 2 for turn in range(21)])

    async def test_a_client_that_never_acknowledges_but_reconnects(self):
        # Its position acknowledges when it comes back; until then the outbox fills up.
        async with Scenario(self.stack, "never_acknowledges", acks=False) as scenario:
            async def reconnect_when_full():
                for place in range(OUTBOX, EVENTS, OUTBOX):
                    await scenario.follower.reached(place)
                    await until(lambda full=scenario.publisher.full:
                                scenario.publisher.full > full, "a full outbox")
                    self.assertEqual(scenario.publisher.accepted, place)
                    await scenario.follower.client.cut()
            await scenario.run(reconnect_when_full())
            self.judge(scenario, "never_acknowledges", EVENTS // OUTBOX - 1)

    async def test_network_cut_in_the_middle_of_a_frame(self):
        proxies = [await FrameCutter(free_port(), port).start()
                   for port in self.stack.gateway_ports]

        async def cut(scenario):
            sockets = len(scenario.follower.sockets)
            proxies[scenario.follower.gateway].arm()
            await scenario.follower.connected(sockets + 1)
        try:
            await self.check("cut_in_frame", 10, cut, ports=[proxy.port for proxy in proxies])
            self.assertEqual(sum(proxy.cuts for proxy in proxies), 10)
        finally:
            for proxy in proxies:
                await proxy.stop()

    async def test_a_client_that_never_comes_back_fills_one_outbox_and_loses_nothing(self):
        url = url_of(self.stack.gateway_ports[0], "gone")
        gone = await (await Client().connect(url({}))).ready()
        await gone.cut()
        async with Publisher(self.stack.coordinator_port, "anonymous:gone") as publisher:
            await publisher.publish_all(OUTBOX)
            for _ in range(20):
                with self.assertRaises(grpc.aio.AioRpcError) as refused:
                    await publisher.ask(publisher.plan(publisher.key, OUTBOX + 1))
                self.assertEqual(refused.exception.code(), grpc.StatusCode.RESOURCE_EXHAUSTED)
                limit = refusal_of(refused.exception).resource_exhausted
                self.assertEqual((limit.limit, limit.value), ("outbox_events_max", OUTBOX))
            again = await (await Client().connect(url({}))).ready()
            self.assertEqual(numbered(again.frames), list(range(1, OUTBOX + 1)))
            self.assertEqual(again.of_type("ready")[0]["replayed"], OUTBOX)
            await again.ack(OUTBOX)  # which makes room
            await publisher.publish_all(OUTBOX + 1, OUTBOX + 1)
            await again.wait_events(OUTBOX + 1)
            await again.close()
        count("events.never_returns", OUTBOX + 1)


class Deaf(Client):
    """Reads nothing before it is told to; its buffers are as small as they can be."""

    def __init__(self):
        super().__init__()
        self.may_read = asyncio.Event()

    async def connect(self, url, **options):
        raw = socket.socket()
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        raw.setblocking(False)
        host, port = url.split("/")[2].split(":")
        await asyncio.get_running_loop().sock_connect(raw, (host, int(port)))
        return await super().connect(url, sock=raw, max_queue=1, read_limit=4096, **options)

    async def _read(self):
        await self.may_read.wait()
        await super()._read()


def big_and_small(key, place, pad):
    """A small event behind one that finds no room any more would still find some."""
    return planned(key, place, pad if place % 2 else 0)


class SlowConsumer(EventTest):
    """More is published than sockets and queues take."""

    coordinator_flags = [*EventTest.coordinator_flags, "--outbox_bytes_max=16777216"]
    gateway_flags = [*EventTest.gateway_flags, "--queue_bytes_max=262144",
                     "--send_stall_timeout=2s"]

    async def test_a_client_that_never_reads_is_closed_with_4004_and_resumes(self):
        clients = []

        def first_one_deaf():
            clients.append(Client() if clients else Deaf())
            return clients[-1]

        class DeafScenario(Scenario):
            async def known(self):
                await until(lambda: self.stack.ctl("get", self.key, check=False), "the key")

        async def hear_again():
            await until(lambda: self.stack.closes().get("4004", 0) == 1, "a close with 4004")
            clients[0].may_read.set()

        async with DeafScenario(self.stack, "never_reads", pad=60_000, plan=big_and_small, client=first_one_deaf,
                                silence_s=60) as scenario:
            await scenario.run(hear_again())
            heard = len(clients[0].events())
            print(f"\n  the deaf socket: {clients[0].code} {clients[0].reason!r}, "
                  f"{heard} events; the publisher had {scenario.publisher.full} times no room")
        self.assertLess(heard, OUTBOX)
        self.judge(scenario, "never_reads", 1)
        await self.finished(scenario)


if __name__ == "__main__":
    unittest.main(verbosity=2)
