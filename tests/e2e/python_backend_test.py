"""The forty lines of Python in deploy/demo/backend.py are a backend: five events of five."""

import asyncio
import contextlib
import os
import pathlib
import socket
import subprocess
import sys
import time
import unittest

import grpc

sys.path.insert(0, str(pathlib.Path(os.environ["INTERLOCK_SOURCE_DIR"]) / "tests" / "support"))
from stack import READY_S_MAX, SOURCE, Stack, count, free_port  # noqa: E402
from stubs import load_stubs  # noqa: E402
from ws_client import FIVE, Client  # noqa: E402

load_stubs()
from interlock.v1 import backend_pb2, backend_pb2_grpc  # noqa: E402

FIVE_EVENTS = list(enumerate(FIVE, 1))


class PythonBackend(unittest.IsolatedAsyncioTestCase):
    @contextlib.contextmanager
    def backend(self, stack, port):
        process = subprocess.Popen(
            ["/usr/bin/python3", str(SOURCE / "deploy/demo/backend.py"), f"127.0.0.1:{port}",
             f"127.0.0.1:{stack.coordinator_port}"], stdin=subprocess.DEVNULL)
        try:
            self.wait_listening(process, port)
            yield process
        finally:
            process.kill()
            process.wait()

    def wait_listening(self, process, port):
        deadline = time.monotonic() + READY_S_MAX
        while process.poll() is None and time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            time.sleep(0.02)
        raise AssertionError(f"the backend does not listen; it ended with {process.poll()}")

    async def test_five_of_five_across_a_cut_and_a_message_only_once(self):
        port = free_port()
        with Stack(agent=False, gateway_flags=[f"--backend=127.0.0.1:{port}"]) as stack, \
                self.backend(stack, port):
            first = await Client().connect(stack.url(0, session="s"))
            await first.ready()
            self.assertEqual(first.of_type("ready")[0]["state"], "PROCESSING_READY")
            await first.message("m1")
            await first.wait_events(5)
            self.assertEqual(first.events(), FIVE_EVENTS)
            await first.wait(lambda c: c.of_type("ack"), "an ack")
            await first.cut()
            second = await Client().connect(stack.url(
                1, session="s", last_seq=5, gen=first.hello["generation"], seq_gen=first.hello[
                    "generation"]) + "&try=1")
            await second.ready()
            await second.message("m1")  # it was taken already
            await second.message("m2")
            await second.wait_events(5)
            self.assertEqual(second.events(),
                             [(seq + 5, name) for seq, name in FIVE_EVENTS])
            await second.wait(lambda c: len(c.of_type("ack")) == 2, "two acks")
            self.refuses_what_was_replaced(port, second.hello)
            await second.close()
            self.assertEqual(int(stack.ctl("get", "anonymous:s")[0]["last_seq"]), 10)
        count("e2e.python_backend_events", 10)

    def refuses_what_was_replaced(self, port, hello):
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            stub = backend_pb2_grpc.BackendStub(channel)
            for call, request in (
                    (stub.Open, backend_pb2.OpenRequest),
                    (lambda *args, **how: list(stub.Receive(*args, **how)),
                     backend_pb2.ReceiveRequest)):
                with self.assertRaises(grpc.RpcError) as refused:
                    call(request(key=hello["key"], generation=hello["generation"] - 1), timeout=20)
                self.assertEqual(refused.exception.code(), grpc.StatusCode.ABORTED)


if __name__ == "__main__":
    unittest.main(verbosity=2)
