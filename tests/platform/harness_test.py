"""The stand-in for the platform is itself what it says: it balances by request and by stream, cuts
with a reset, and has no room when it is full."""

import asyncio
import contextlib
import os
import pathlib
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(os.environ["INTERLOCK_SOURCE_DIR"]) / "tests" / "support"))
import grpc  # noqa: E402
import websockets  # noqa: E402
from balancer_grpc import GrpcBalancer  # noqa: E402
from balancer_http import HttpBalancer  # noqa: E402
from echo_service import EchoGrpc, EchoHttp, NamedHttp, two_of  # noqa: E402
from instance import Instance  # noqa: E402
from service import NoRoom, RunService  # noqa: E402
from stack import free_port  # noqa: E402

SLEEPER = "import http.server; http.server.test(http.server.BaseHTTPRequestHandler, port={port})"


@contextlib.asynccontextmanager
async def grpc_edge(**options):
    service = await two_of(EchoGrpc, **options)
    edge = await GrpcBalancer(service, free_port()).start()
    channel = grpc.aio.insecure_channel(f"127.0.0.1:{edge.port}",
                                        options=[("grpc.enable_http_proxy", 0)])
    try:
        yield edge, channel
    finally:
        await channel.close()
        await edge.stop()
        await service.stop()


@contextlib.asynccontextmanager
async def http_edge(kind=EchoHttp, **options):
    service = await two_of(kind, **options)
    edge = await HttpBalancer(service, free_port()).start()
    try:
        yield edge
    finally:
        await edge.stop()
        await service.stop()


class GrpcEdge(unittest.IsolatedAsyncioTestCase):
    async def test_two_unary_calls_on_one_channel_go_to_two_instances(self):
        async with grpc_edge() as (_, channel):
            who = channel.unary_unary("/echo/Who")
            self.assertEqual(len({await who(b""), await who(b"")}), 2)

    async def test_two_streams_on_one_channel_go_to_two_instances(self):
        async with grpc_edge() as (_, channel):
            said = set()
            calls = [channel.stream_stream("/echo/Who")() for _ in range(2)]
            for call in calls:
                await call.write(b"")
                said.add(await call.read())
            self.assertEqual(len(said), 2)

    async def test_metadata_deadline_and_trailers_are_passed_on(self):
        async with grpc_edge() as (edge, channel):
            call = channel.unary_unary("/echo/Echo")(b"x", metadata=(("mine", "2"),), timeout=7)
            self.assertEqual(await call, b"x")
            self.assertEqual(dict(list(await call.initial_metadata()))["first"], "1")
            self.assertEqual(dict(list(await call.trailing_metadata()))["last-bin"], b"\x00\xff")
            heard = next(one for one in edge.behind.instances() if one.metadata)
            self.assertEqual(dict(heard.metadata)["mine"], "2")
            self.assertTrue(5 < heard.remaining_s < 8, heard.remaining_s)

    async def test_a_status_comes_with_its_details(self):
        async with grpc_edge() as (_, channel):
            with self.assertRaises(grpc.aio.AioRpcError) as failed:
                await channel.unary_unary("/echo/Fail")(b"")
            self.assertEqual(failed.exception.code(), grpc.StatusCode.ABORTED)
            self.assertEqual(failed.exception.details(), "somebody else's")
            self.assertEqual(dict(list(failed.exception.trailing_metadata()))["why-bin"], b"\x01")

    async def test_a_client_that_cancels_is_heard_by_the_instance(self):
        async with grpc_edge() as (edge, channel):
            call = channel.stream_stream("/echo/Wait")()
            self.assertEqual(await call.read(), b"begun")
            call.cancel()
            waits = [one.cancelled.wait() for one in edge.behind.instances() if one.served]
            await asyncio.wait_for(asyncio.gather(*waits), 5)

    async def test_a_stream_ends_at_its_hour_as_the_edge_ends_it(self):
        async with grpc_edge() as (edge, channel):
            edge.behind.link.request_s_max = 0.3
            call = channel.stream_stream("/echo/Wait")()
            self.assertEqual(await call.read(), b"begun")
            with self.assertRaises(grpc.aio.AioRpcError) as cut:
                await call.read()
            self.assertEqual(cut.exception.code(), grpc.StatusCode.UNAVAILABLE)
            self.assertEqual(edge.cuts, 1)
            waits = [one.cancelled.wait() for one in edge.behind.instances() if one.served]
            await asyncio.wait_for(asyncio.gather(*waits), 5)

    async def test_an_answer_that_is_lost_was_carried_out_all_the_same(self):
        async with grpc_edge() as (edge, channel):
            edge.lose_answers("/echo/Echo", 1)
            with self.assertRaises(grpc.aio.AioRpcError) as lost:
                await channel.unary_unary("/echo/Echo")(b"x", timeout=0.5)
            self.assertEqual(lost.exception.code(), grpc.StatusCode.DEADLINE_EXCEEDED)
            self.assertTrue(any(one.metadata for one in edge.behind.instances()))
            self.assertEqual(await channel.unary_unary("/echo/Echo")(b"y", timeout=5), b"y")

    async def test_without_room_a_call_is_unavailable(self):
        async with grpc_edge(concurrency=1) as (edge, channel):
            calls = [channel.stream_stream("/echo/Wait")() for _ in range(2)]
            for call in calls:
                await call.read()
            with self.assertRaises(grpc.aio.AioRpcError) as full:
                await channel.unary_unary("/echo/Who")(b"")
            self.assertEqual(full.exception.code(), grpc.StatusCode.UNAVAILABLE)
            self.assertIn("429", full.exception.details())
            self.assertEqual(edge.behind.refused[429], 1)


class HttpEdge(unittest.IsolatedAsyncioTestCase):
    async def ask(self, reader, writer):
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = int(head.lower().split("content-length: ")[1].split("\r\n")[0])
        return head.split(" ")[1], (await reader.readexactly(length)).decode()

    async def test_two_requests_on_one_connection_go_to_two_instances(self):
        async with http_edge(NamedHttp) as edge:
            reader, writer = await asyncio.open_connection("127.0.0.1", edge.port)
            answers = [await self.ask(reader, writer) for _ in range(2)]
            writer.close()
            self.assertEqual({status for status, _ in answers}, {"200"})
            self.assertEqual(len({name for _, name in answers}), 2)

    async def test_a_websocket_is_one_request_for_as_long_as_it_lasts(self):
        async with http_edge() as edge:
            async with websockets.connect(f"ws://127.0.0.1:{edge.port}") as client:
                answers = set()
                for _ in range(5):
                    await client.send("x")
                    answers.add(await client.recv())
            self.assertEqual(len(answers), 1)
            self.assertEqual(len(edge.relayed), 1)

    async def test_the_hour_is_a_reset_without_a_close_frame(self):
        async with http_edge() as edge:
            edge.behind.link.request_s_max = 0.3
            client = await websockets.connect(f"ws://127.0.0.1:{edge.port}")
            with self.assertRaises(websockets.ConnectionClosedError) as cut:
                await client.recv()
            self.assertIsNone(cut.exception.rcvd)
            self.assertEqual(client.close_code, 1006)

            reader, writer = await asyncio.open_connection("127.0.0.1", edge.port)
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n"
                         b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                         b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n")
            await reader.readuntil(b"\r\n\r\n")
            with self.assertRaises(ConnectionResetError):
                await reader.read()
            self.assertEqual(edge.cuts, 2)

    async def test_a_full_service_answers_429_and_a_missing_one_503(self):
        async with http_edge(concurrency=1) as edge:
            url = f"ws://127.0.0.1:{edge.port}"
            async with websockets.connect(url), websockets.connect(url):
                with self.assertRaises(websockets.InvalidStatusCode) as full:
                    await websockets.connect(url)
                self.assertEqual(full.exception.status_code, 429)
            edge.behind.traffic()
            with self.assertRaises(websockets.InvalidStatusCode) as none:
                await websockets.connect(url)
            self.assertEqual(none.exception.status_code, 503)


class Scaling(unittest.IsolatedAsyncioTestCase):
    async def test_an_instance_is_started_by_need_and_the_request_waits_for_it(self):
        service = RunService("cold", concurrency=1, cold_s=0.2)
        await service.deploy("one", EchoHttp, instances=1, instances_max=2, share=100)
        async with service.admit() as first:
            began = time.monotonic()
            async with service.admit() as second:
                self.assertIsNot(first, second)
                self.assertGreaterEqual(time.monotonic() - began, 0.2)
                with self.assertRaises(NoRoom):
                    async with service.admit():
                        pass
        await service.stop()

    async def test_revisions_share_the_traffic(self):
        service = RunService("split")
        await service.deploy("old", EchoHttp, share=100)
        await service.deploy("new", EchoHttp)
        service.traffic(old=90, new=10)
        for _ in range(1000):
            async with service.admit():
                pass
        new = service.revisions["new"].instances[0].served
        self.assertTrue(40 < new < 200, new)
        service.traffic(new=100)
        async with service.admit() as instance:
            self.assertEqual(instance.name, "split-new-1")
        await service.stop()


class Processes(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        folder = tempfile.TemporaryDirectory(prefix="interlock-harness-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def instance(self, code):
        port = free_port()
        return Instance("one", ["/usr/bin/python3", "-c", code.format(port=port)], port, port,
                        self.folder)

    async def up(self, code=SLEEPER):
        instance = self.instance(code).start()
        self.addCleanup(instance.destroy)
        while True:
            with contextlib.suppress(OSError):
                (await asyncio.open_connection("127.0.0.1", instance.port))[1].close()
                return instance
            await asyncio.sleep(0.02)

    async def answers(self, instance, within_s):
        reader, writer = await asyncio.open_connection("127.0.0.1", instance.port)
        writer.write(b"GET / HTTP/1.0\r\n\r\n")
        try:
            return bool(await asyncio.wait_for(reader.read(1), within_s))
        except asyncio.TimeoutError:
            return False
        finally:
            writer.close()

    async def test_a_frozen_instance_answers_nothing_until_it_is_thawed(self):
        instance = await self.up()
        instance.freeze()
        self.assertFalse(await self.answers(instance, 0.3))
        instance.thaw()
        self.assertTrue(await self.answers(instance, 10))

    async def test_a_throttled_instance_gets_its_share(self):
        instance = await self.up("import http.server, threading\n"
                                 "threading.Thread(target=lambda: [0 for _ in iter(int, 1)],"
                                 " daemon=True).start()\n" + SLEEPER)
        async with instance.throttled(0.2):
            before, began = self.cpu_s(instance), time.monotonic()
            await asyncio.sleep(1)
            share = (self.cpu_s(instance) - before) / (time.monotonic() - began)
        self.assertLess(share, 0.6)
        self.assertTrue(instance.alive)

    def cpu_s(self, instance):
        fields = pathlib.Path(f"/proc/{instance.process.pid}/stat").read_text().rpartition(")")[2]
        user, system = fields.split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    async def test_who_ends_in_time_is_not_killed_and_who_does_not_is(self):
        ending = await (await self.up()).terminate(term_s=5)
        self.assertFalse(ending.killed)
        deaf = await self.up("import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
                             + SLEEPER)
        ending = await deaf.terminate(term_s=0.3)
        self.assertTrue(ending.killed)
        self.assertEqual(ending.code, -9)


if __name__ == "__main__":
    unittest.main(verbosity=2)
