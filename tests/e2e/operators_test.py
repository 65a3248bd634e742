"""Operators who look and steer, with the tool, the services and clients as they are."""

import asyncio
import os
import pathlib
import subprocess
import sys
import unittest

import websockets

sys.path.insert(0, str(pathlib.Path(os.environ["INTERLOCK_SOURCE_DIR"]) / "tests" / "support"))
from stack import BIN, Stack, http_get  # noqa: E402
from ws_client import Client  # noqa: E402

CLIENTS = 40


def tool(stack, *arguments, coordinator=0):
    """(exit code, output, remarks) of interlockctl as a person runs it."""
    done = subprocess.run(
        [str(BIN / "interlockctl"),
         f"--coordinator=127.0.0.1:{stack.coordinator_ports[coordinator]}", *arguments],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout, done.stderr


async def run(stack, *arguments, **options):
    return await asyncio.to_thread(tool, stack, *arguments, **options)


class Operators(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.stack = Stack(gateways=2)
        await asyncio.to_thread(self.stack.__enter__)
        self.clients = []

    async def asyncTearDown(self):
        for client in self.clients:
            await client.close(1000)
        await asyncio.to_thread(self.stack.__exit__, None, None, None)

    async def connected(self, session, gateway=0):
        client = await Client().connect(self.stack.url(gateway, session=session))
        await client.ready()
        self.clients.append(client)
        return client

    async def ended(self, client, timeout=30):
        await client.wait_closed(timeout)
        return client.code

    async def refused_code(self, url):
        """Of an upgrade that is answered with a status and nothing else."""
        with self.assertRaises(websockets.InvalidStatusCode) as raised:
            await Client().connect(url)
        return raised.exception.status_code

    async def test_a_connection_is_explained_kicked_and_kept_out(self):
        client = await self.connected("tab1")
        key = "anonymous:tab1"
        code, text, _ = await run(self.stack, "explain", key)
        self.assertEqual(code, 0)
        self.assertIn("holds it, PROCESSING_READY", text)

        code, _, remark = await run(self.stack, "kick", key)
        self.assertEqual(code, 2, "a reason is needed")
        self.assertIn("say why", remark)
        code, text, _ = await run(self.stack, "kick", key, "--reason=a test", "--dry_run")
        self.assertEqual(code, 0)
        self.assertIn("would be kicked", text)
        self.assertIsNone(client.code)

        code, text, remark = await run(self.stack, "kick", key, "--reason=spam, ticket 1")
        self.assertEqual((code, text), (0, f"{key}  kicked\n"))
        self.assertIn("1 kicked", remark)
        self.assertEqual(await self.ended(client), 4502)
        self.assertEqual(client.reason, "kicked")
        self.assertEqual(await self.refused_code(self.stack.url(1, session="tab1")), 403)
        _, text, _ = await run(self.stack, "explain", key)
        self.assertIn("An operator has ended it for good", text)
        _, text, _ = await run(self.stack, "history", key)
        self.assertIn("anonymous: spam, ticket 1", text)
        log = self.stack.coordinator.log_path.read_text(encoding="utf-8")
        self.assertIn("An operator kicks a connection.", log)

        code, _, _ = await run(self.stack, "kick", key, "--reason=mistake", "--may_return")
        self.assertEqual(code, 0)
        await self.connected("tab1", gateway=1)

    async def test_one_that_may_return_goes_on_where_it_was(self):
        client = await self.connected("tab1")
        generation = client.frames[0]["generation"]
        code, _, _ = await run(self.stack, "kick", "--filter=key = *tab1",
                               "--reason=x", "--may_return")
        self.assertEqual(code, 0, "a star at the start is a star")
        self.assertIsNone(client.code)
        code, _, _ = await run(self.stack, "kick", "--filter=key = anonymous:tab* AND operational",
                               "--reason=move", "--may_return")
        self.assertEqual(code, 0)
        self.assertEqual(await self.ended(client), 4006)
        again = await Client().connect(
            self.stack.url(1, session="tab1", gen=generation, last_seq=0, seq_gen=generation))
        self.clients.append(again)
        await again.ready()
        self.assertTrue(again.frames[0]["resumed"])

    async def test_what_is_released_by_force_is_told_to_its_client(self):
        client = await self.connected("tab1")
        key = "anonymous:tab1"
        generation = client.frames[0]["generation"]
        code, _, remark = await run(self.stack, "release", key, "--reason=stuck",
                                    f"--generation={generation + 1}")
        self.assertEqual(code, 4, remark)
        code, _, remark = await run(self.stack, "release", key, "--reason=stuck",
                                    f"--generation={generation}")
        self.assertEqual(code, 0, remark)
        self.assertEqual(await self.ended(client), 4005)
        _, text, _ = await run(self.stack, "explain", key)
        self.assertIn("waited for its client", text)

    async def test_a_gateway_is_drained_at_its_pace(self):
        clients = [await self.connected(f"s{i}") for i in range(CLIENTS)]
        gateways = self.stack.ctl("gateways")
        self.assertEqual(len(gateways), 2)
        full = next(one for one in gateways if int(one["connections"]) == CLIENTS)
        self.assertTrue(full["attached"])
        loop = asyncio.get_running_loop()
        began = loop.time()
        draining = asyncio.ensure_future(run(
            self.stack, "gateway", "drain", full["gateway_id"], "--per_s=20", "--wait",
            "--reason=new version"))
        codes = await asyncio.gather(*(self.ended(client) for client in clients))
        self.assertEqual(set(codes), {4001})
        self.assertGreater(loop.time() - began, (CLIENTS - 4) / 20, "it was faster than asked for")
        told = [frame for frame in clients[-1].frames if frame["type"] == "reconnect"]
        self.assertEqual([frame["reason"] for frame in told], ["draining"])
        code, _, remarks = await draining
        self.assertEqual(code, 0, remarks)
        self.assertIn("0 connections left.", remarks)
        self.assertEqual(await self.refused_code(self.stack.url(0, session="new")), 503)
        port = self.stack.gateways[0].http_port
        ready = await asyncio.to_thread(http_get, f"http://127.0.0.1:{port}/health/ready")
        self.assertEqual(ready[0], 503)
        self.assertIn("An operator wants this gateway empty", ready[1])
        again = await Client().connect(self.stack.url(1, session="s0"))
        await again.ready()
        self.clients.append(again)
        code, text, _ = await run(self.stack, "gateways")
        self.assertIn("draining, 20 a second", text)
        code, _, remark = await run(self.stack, "gateway", "drain", "f" * 32, "--reason=x")
        self.assertEqual(code, 3, remark)

    async def test_filters_and_counts(self):
        for session in ("a1", "a2", "b1"):
            await self.connected(session)
        listed = self.stack.ctl("list", "--filter=key = anonymous:a* AND operational")
        self.assertEqual([one["key"] for one in listed], ["anonymous:a1", "anonymous:a2"])
        code, _, remark = await run(self.stack, "list", "--filter=stat = IDLE")
        self.assertEqual(code, 2)
        self.assertIn("there is no such field; fields: key, subject", remark)
        stats = self.stack.ctl("stats")[0]
        self.assertEqual(stats["connections_by_state"]["PROCESSING_READY"], "3")
        code, text, _ = await run(self.stack, "explain", "anonymous:nobody")
        self.assertEqual(code, 3)
        self.assertIn("There is no record of this key", text)


if __name__ == "__main__":
    unittest.main(verbosity=2)
