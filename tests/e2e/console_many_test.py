"""The console with ten thousand connections of a real coordinator, and with a page that is slow."""

import asyncio
import json
import os
import pathlib
import sys
import time
import unittest
import urllib.parse

import grpc
import websockets

ROOT = pathlib.Path(os.environ["INTERLOCK_SOURCE_DIR"])
sys.path.insert(0, str(ROOT / "tests" / "support"))
sys.path.insert(0, str(ROOT / "tests" / "e2e" / "console"))
from console import Console, play  # noqa: E402
from stack import Stack, count  # noqa: E402
from stubs import load_stubs  # noqa: E402

load_stubs()
from interlock.v1 import connection_pb2, gateway_pb2, gateway_pb2_grpc  # noqa: E402

CONNECTIONS = 10_000
AT_ONCE = 200
HOSTILE = "<img src=x onerror=alert(1)>"
SLOW_S = 4
SLOW_WATCHES = 6
GROWTH_BYTES_MAX = 16 << 20


class MadeUpGateway:
    """Claims over gRPC what no socket stands behind."""

    def __init__(self, port):
        self.channel = grpc.aio.insecure_channel(f"127.0.0.1:{port}")
        self.stub = gateway_pb2_grpc.GatewayStub(self.channel)
        self.gateway_id = os.urandom(16).hex()
        self.generations = {}
        self.ops = {}
        self.limit = asyncio.Semaphore(AT_ONCE)

    async def claim(self, key, subject):
        async with self.limit:
            granted = await self.stub.Claim(gateway_pb2.ClaimRequest(
                key=key, subject=subject, gateway_id=self.gateway_id, claim_id=os.urandom(16),
                through=connection_pb2.PROCESSING_READY), timeout=60)
        self.generations[key] = granted.generation

    async def claim_all(self):
        keys = [f"user{number:05d}:tab" for number in range(CONNECTIONS)]
        await asyncio.gather(*(self.claim(key, key[:-4]) for key in keys))
        return keys

    async def move(self, key):
        op = self.ops.get(key, 0) + 1
        self.ops[key] = op
        state = connection_pb2.IDLE if op % 2 else connection_pb2.PROCESSING_READY
        await self.stub.Operate(gateway_pb2.OperateRequest(
            key=key, gateway_id=self.gateway_id, generation=self.generations[key],
            operations=[gateway_pb2.Operation(op=op, advance=state)]), timeout=30)

    async def change(self, seconds, every_s=0.01):
        """Transitions here and there; how many. An odd number of each: it ends IDLE."""
        keys = list(self.generations)[::97]
        end = time.monotonic() + seconds
        done = 0
        while time.monotonic() < end:
            await self.move(keys[done % len(keys)])
            done += 1
            await asyncio.sleep(every_s)
        return done

    async def claim_hostile(self):
        key = urllib.parse.quote(HOSTILE, safe="") + ":tab"
        await self.claim(key, HOSTILE)
        return {"key": key, "subject": HOSTILE}


class ConsoleWithMany(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        # What unittest asks of the loop makes ten thousand calls take minutes.
        asyncio.get_running_loop().set_debug(False)
        self.stack = Stack(gateways=0, agent=False, store="memory:")
        await asyncio.to_thread(self.stack.__enter__)
        self.gateway = MadeUpGateway(self.stack.coordinator_port)

    async def asyncTearDown(self):
        await self.gateway.channel.close()
        await asyncio.to_thread(self.stack.__exit__, None, None, None)

    async def test_ten_thousand_connections_scroll_smoothly(self):
        def report(calm, busy, listedMs):
            print(f"listed in {listedMs} ms; frames while scrolling: {calm['median']:.0f} ms, "
                  f"at most {calm['slowest']:.0f}; with changes {busy['median']:.0f} ms, at most "
                  f"{busy['slowest']:.0f}; {busy['most']} rows in the document", file=sys.stderr)

        keys = await self.gateway.claim_all()
        with Console(f"127.0.0.1:{self.stack.coordinator_port}") as console:
            await play("many", console.url, {
                "claim": lambda: keys, "change": self.gateway.change,
                "claim hostile": self.gateway.claim_hostile, "report": report})
        count("e2e.console_connections", CONNECTIONS)

    async def test_a_page_that_reads_nothing_is_told_what_it_missed_and_costs_little(self):
        await self.gateway.claim_all()
        with Console(f"127.0.0.1:{self.stack.coordinator_port}") as console:
            url = f"ws://127.0.0.1:{console.port}/api/live"
            async with websockets.connect(
                    url, subprotocols=["interlock.console", f"token.{console.token}"],
                    max_queue=1, read_limit=4096) as socket:
                before = console.resident_bytes()
                # Some megabytes are asked for, more than once, and not read.
                for number in range(SLOW_WATCHES):
                    await socket.send(json.dumps({"watch": number, "from_revision": "1"}))
                await self.gateway.change(SLOW_S, every_s=0.001)
                growth = console.resident_bytes() - before
                print(f"the console grew by {growth >> 10} KiB", file=sys.stderr)
                self.assertLess(growth, GROWTH_BYTES_MAX)
                told = await asyncio.wait_for(self.read_until_all_told(socket), 60)
            self.assertEqual(set(told["keys"].values()), {CONNECTIONS})

    async def read_until_all_told(self, socket):
        """{keys: {watch: how many}}: what each was shown until it had caught up."""
        keys = {number: set() for number in range(SLOW_WATCHES)}
        caught_up = set()
        while len(caught_up) < SLOW_WATCHES:
            for item in json.loads(await socket.recv()):
                response = item["response"]
                if "changed" in response:
                    keys[item["watch"]].add(response["changed"]["key"])
                if "caught_up" in response:
                    caught_up.add(item["watch"])
        return {"keys": {number: len(found) for number, found in keys.items()}}


if __name__ == "__main__":
    unittest.main(verbosity=2)
