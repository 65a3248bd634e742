"""Bad input gets a clear answer and hurts nobody else."""

import asyncio
import json
import os
import pathlib
import signal
import socket
import sys
import time
import unittest

import jwt
import websockets

sys.path.insert(0, str(pathlib.Path(os.environ["INTERLOCK_SOURCE_DIR"]) / "tests" / "support"))
from stack import Stack, http_get  # noqa: E402
from ws_client import FIVE, Client  # noqa: E402

SECRET = "a key of at least thirty-two bytes, for tests only"
BROWSER = "http://example.test"


def token(subject="alice", expires_in=600, secret=SECRET):
    return jwt.encode({"sub": subject, "exp": int(time.time()) + expires_in}, secret,
                      algorithm="HS256")


class BadInput(unittest.IsolatedAsyncioTestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = Stack(gateways=1, agent_pause="20ms")
        cls.stack.coordinator.start().wait_ready()
        cls.stack.agent.start().wait_ready()
        key_file = cls.stack.folder / "key"
        key_file.write_text(SECRET)
        cls.stack.add_gateway("gateway-jwt", ("--auth=jwt", f"--auth_key_file={key_file}"))
        for gateway in cls.stack.gateways:
            gateway.start().wait_ready()
        cls.open, cls.closed = 0, 1

    @classmethod
    def tearDownClass(cls):
        cls.stack.__exit__(None, None, None)

    async def asyncSetUp(self):
        """Somebody who does nothing wrong, beside whatever the test does."""
        self.bystander = await Client().connect(self.stack.url(self.open, session=f"by{id(self)}"))
        await self.bystander.ready()

    async def asyncTearDown(self):
        await self.bystander.message("m")
        await self.bystander.wait_events(5)
        self.assertEqual([name for _, name in self.bystander.events()], FIVE)
        await self.bystander.close()
        self.assertEqual(self.stack.closes().get("1011", 0), 0)

    async def refused(self, url, **options):
        """(status, headers) of a refused upgrade."""
        with self.assertRaises(websockets.InvalidStatusCode) as refusal:
            await Client().connect(url, **options)
        return refusal.exception.status_code, refusal.exception.headers

    async def closed_at_once(self, url, **options):
        client = await Client().connect(url, **options)
        await client.wait_closed()
        return client

    async def test_a_missing_or_bad_token_is_401_and_for_browsers_4501(self):
        url = self.stack.url(self.closed)
        self.assertEqual((await self.refused(url))[0], 401)
        bad = {"Authorization": "Bearer " + token(secret="another key of thirty-two bytes, at least")}
        self.assertEqual((await self.refused(url, headers=bad))[0], 401)
        client = await self.closed_at_once(url, origin=BROWSER)
        self.assertEqual(client.code, 4501)
        client = await self.closed_at_once(url, subprotocols=("interlock.v1", "bearer.nonsense"))
        self.assertEqual(client.code, 4501)

    async def test_an_expired_token_is_401_and_for_browsers_4203(self):
        url = self.stack.url(self.closed)
        old = token(expires_in=-3600)
        self.assertEqual(
            (await self.refused(url, headers={"Authorization": f"Bearer {old}"}))[0], 401)
        client = await self.closed_at_once(url, subprotocols=("interlock.v1", f"bearer.{old}"))
        self.assertEqual(client.code, 4203)

    async def test_a_token_that_expires_during_the_connection_ends_it_with_4203(self):
        url = self.stack.url(self.closed, session="aging")
        # Clocks may differ by 30 s, so it is honoured for a few seconds more.
        aging = token(expires_in=-26)
        client = await Client().connect(url, headers={"Authorization": f"Bearer {aging}"})
        await client.ready()
        self.assertEqual(await client.wait_closed(), 4203)
        fresh = token()
        again = await Client().connect(url, headers={"Authorization": f"Bearer {fresh}"})
        await again.ready()
        await again.close()

    async def test_a_good_token_names_the_subject_either_way(self):
        url = self.stack.url(self.closed, session="s")
        client = await Client().connect(url, headers={"Authorization": f"Bearer {token('bob')}"})
        await client.ready()
        self.assertEqual(client.hello["key"], "bob:s")
        await client.close()
        client = await Client().connect(
            url, subprotocols=("interlock.v1", f"bearer.{token('carol')}"), origin=BROWSER)
        await client.ready()
        self.assertEqual(client.hello["key"], "carol:s")
        await client.close()

    async def test_a_wrong_path_is_404_and_plain_http_on_ws_is_426(self):
        base = f"http://127.0.0.1:{self.stack.gateway_ports[self.open]}"
        self.assertEqual((await asyncio.to_thread(http_get, base + "/nowhere"))[0], 404)
        self.assertEqual((await asyncio.to_thread(http_get, base + "/ws"))[0], 426)
        url = self.stack.url(self.open).replace("/ws", "/other")
        self.assertEqual((await self.refused(url))[0], 404)

    async def test_a_bad_session_or_subprotocol_is_400_and_for_browsers_4504(self):
        bad = self.stack.url(self.open, session="no%20spaces")
        self.assertEqual((await self.refused(bad))[0], 400)
        self.assertEqual((await self.closed_at_once(bad, origin=BROWSER)).code, 4504)
        good = self.stack.url(self.open)
        self.assertEqual((await self.refused(good, subprotocols=("chat.v9",)))[0], 400)
        client = await self.closed_at_once(good, subprotocols=("chat.v9",), origin=BROWSER)
        self.assertEqual(client.code, 4504)

    async def opened(self, session):
        client = await Client().connect(self.stack.url(self.open, session=session))
        return await client.ready()

    async def test_frames_that_break_the_protocol_are_closed_with_4504(self):
        for number, frame in enumerate(
                ["this is not JSON", "[1,2]", json.dumps({"type": "no such type"}), b"\x00\x01"]):
            client = await self.opened(f"broken{number}")
            await client.socket.send(frame)
            self.assertEqual(await client.wait_closed(), 4504, frame)
            self.assertTrue(client.reason.startswith("protocol_error"), client.reason)

    async def test_a_frame_over_the_limit_is_closed_with_1009(self):
        client = await self.opened("big")
        await client.socket.send(json.dumps(
            {"type": "message", "id": "m", "data": "x" * 200_000}))
        self.assertEqual(await client.wait_closed(), 1009)

    async def test_an_acknowledgement_ahead_of_what_was_sent_is_an_error_and_changes_nothing(self):
        client = await self.opened("ahead")
        await client.ack(7)
        await client.wait(lambda c: c.of_type("error"), "an error")
        self.assertEqual(client.of_type("error")[0]["code"], "INVALID_ARGUMENT")
        await client.message("m")
        await client.wait_events(5)
        await client.close()

    async def test_a_peer_that_sends_and_never_reads_is_cut(self):
        port = self.stack.gateway_ports[self.open]
        raw = socket.socket()
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        raw.settimeout(20)
        raw.connect(("127.0.0.1", port))
        raw.sendall((f"GET /ws?session=deaf HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
                     "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                     "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: interlock.v1\r\n"
                     "\r\n").encode())
        ping = json.dumps({"type": "ping"}).encode()
        frame = bytes([0x81, 0x80 | len(ping)]) + b"\0\0\0\0" + ping

        def send_until_cut():
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline:
                try:
                    raw.sendall(frame * 2000)
                except OSError:
                    return True
            return False

        self.assertTrue(await asyncio.to_thread(send_until_cut), "it was never cut")
        raw.close()

    async def test_too_many_early_messages_are_closed_with_4006(self):
        # The backend is stopped, so setup waits for its Open; the agent answers again afterwards.
        self.stack.agent.process.send_signal(signal.SIGSTOP)
        try:
            client = await Client().connect(self.stack.url(self.open, session="eager"))
            await client.wait(lambda c: c.of_type("hello"), "hello")
            for number in range(40):
                await client.message(f"m{number}")
            self.assertEqual(await client.wait_closed(), 4006)
            self.assertEqual(client.events(), [])
        finally:
            self.stack.agent.process.send_signal(signal.SIGCONT)


class CoordinatorDown(unittest.IsolatedAsyncioTestCase):
    async def test_a_client_that_connects_meanwhile_gets_503_within_two_seconds(self):
        with Stack(gateways=1, agent=False) as stack:
            stack.coordinator.kill()
            for attempt in range(2):  # before and after the gateway has noticed
                started = time.monotonic()
                with self.assertRaises(websockets.InvalidStatusCode) as refusal:
                    await Client().connect(stack.url(0))
                self.assertEqual(refusal.exception.status_code, 503)
                self.assertIn("Retry-After", refusal.exception.headers)
                self.assertLess(time.monotonic() - started, 2, f"attempt {attempt}")
            client = await Client().connect(stack.url(0), origin=BROWSER)
            self.assertEqual(await client.wait_closed(), 4006)
            self.assertIn("after_ms=", client.reason)
            # And when it is back, so is everybody.
            stack.coordinator.start().wait_ready()
            deadline = time.monotonic() + 30
            while True:
                try:
                    client = await Client().connect(stack.url(0))
                    break
                except websockets.InvalidStatusCode:
                    self.assertLess(time.monotonic(), deadline)
                    await asyncio.sleep(0.1)
            await client.ready()
            await client.close()

    async def test_a_coordinator_that_says_nothing_is_no_hang(self):
        with Stack(gateways=1, agent=False) as stack:
            client = await Client().connect(stack.url(0))  # the gateway is attached
            await client.ready()
            stack.coordinator.process.send_signal(signal.SIGSTOP)
            try:
                started = time.monotonic()
                with self.assertRaises(websockets.InvalidStatusCode) as refusal:
                    await Client().connect(stack.url(0))
                self.assertLess(time.monotonic() - started, 2)
                self.assertEqual(refusal.exception.status_code, 503)
                self.assertIn("Retry-After", refusal.exception.headers)
            finally:
                stack.coordinator.process.send_signal(signal.SIGCONT)
            await client.close()


if __name__ == "__main__":
    unittest.main(verbosity=2)
