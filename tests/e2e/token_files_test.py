"""Known tokens are exchanged under services that go on: a gateway attaches again with the new one, and
its clients notice nothing."""

import asyncio
import json
import os
import pathlib
import sys
import unittest

import grpc

sys.path.insert(0, str(pathlib.Path(os.environ["INTERLOCK_SOURCE_DIR"]) / "tests" / "support"))
from stack import Stack  # noqa: E402
from stubs import load_stubs  # noqa: E402
from waiting import wait_for  # noqa: E402
from ws_client import Client  # noqa: E402

load_stubs()
from interlock.v1 import events_pb2, events_pb2_grpc  # noqa: E402

OLD, NEW, PUBLISHER = "the-old-token-of-gateways", "the-new-token-of-gateways", "of-the-publisher"
KEY = "anonymous:s"


class TokenFiles(unittest.IsolatedAsyncioTestCase):
    def setUp(self):
        self.stack = Stack(gateways=0, agent=False)
        self.own = self.stack.folder / "own"
        self.own.write_text(OLD)
        self.known = self.stack.folder / "tokens"
        self.know(OLD)
        self.coordinator = self.stack.coordinator
        self.coordinator.command = [
            flag for flag in self.coordinator.command if not flag.startswith("--auth=")
        ] + ["--auth=token", f"--token_file={self.known}", "--heartbeat=1s"]
        self.gateway = self.stack.add_gateway("gateway", (f"--coordinator_token_file={self.own}",))
        self.stack.__enter__()
        self.addCleanup(self.stack.__exit__, None, None, None)

    def know(self, *gateways):
        self.known.write_text(json.dumps(
            [{"token": PUBLISHER, "role": "publisher", "subject": "backend"}] +
            [{"token": token, "role": "gateway", "subject": "g"} for token in gateways]))

    def reloads(self, service, file, result="ok"):
        return service.metric("interlock_file_reloads_total").get(
            f'{{file="{file}",result="{result}"}}', 0)

    def streams(self):
        return self.gateway.metric("interlock_attach_streams_opened_total")[""]

    async def publish(self, number):
        async with grpc.aio.insecure_channel(
                f"127.0.0.1:{self.stack.coordinator_port}") as channel:
            await events_pb2_grpc.EventsStub(channel).Publish(
                events_pb2.PublishRequest(key=KEY, type="note", payload=b"{}",
                                          idempotency_key=str(number)),
                metadata=[("authorization", f"Bearer {PUBLISHER}")], timeout=10)

    async def test_tokens_are_exchanged_and_clients_notice_nothing(self):
        client = await (await Client().connect(self.stack.url(0, session="s"))).ready()
        await self.publish(1)
        self.know(OLD, NEW)
        await asyncio.to_thread(
            wait_for, lambda: self.reloads(self.coordinator, "token_file") == 1, "reading")
        self.own.write_text(NEW)
        await asyncio.to_thread(
            wait_for, lambda: self.reloads(self.gateway, "coordinator_token") == 1, "reading")
        self.assertEqual(self.streams(), 1, "it went on with the token that it began with")
        self.known.write_text("nonsense")
        await asyncio.to_thread(
            wait_for, lambda: self.reloads(self.coordinator, "token_file", "failed") >= 1, "attempt")
        await self.publish(2)
        self.assertEqual(self.streams(), 1, "what cannot be read changes nothing")
        self.know(NEW)
        await asyncio.to_thread(
            wait_for, lambda: self.streams() >= 2 and
            self.gateway.metric("interlock_attached").get("") == 1, "new stream")
        await self.publish(3)
        await client.wait(lambda c: len(c.of_type("event")) >= 3, "three events")
        self.assertEqual([event["seq"] for event in client.of_type("event")], [1, 2, 3])
        self.assertIsNone(client.code)
        self.assertEqual(self.gateway.metric("interlock_holds_total").get("", 0), 0)
        said = "".join(service.log_path.read_text() for service in self.stack.services())
        for secret in (OLD, NEW, PUBLISHER):
            self.assertNotIn(secret, said)
        await client.close()

    async def test_a_gateway_whose_token_is_taken_away_is_let_in_when_it_has_another(self):
        client = await (await Client().connect(self.stack.url(0, session="s"))).ready()
        self.know(NEW)
        await asyncio.to_thread(
            wait_for, lambda: self.gateway.metric("interlock_attached").get("") == 0, "refusal")
        self.own.write_text(NEW)
        await asyncio.to_thread(
            wait_for, lambda: self.gateway.metric("interlock_attached").get("") == 1, "attachment")
        await self.publish(1)
        await client.wait(lambda c: c.of_type("event"), "the event")
        self.assertIsNone(client.code)
        await client.close()


if __name__ == "__main__":
    unittest.main()
