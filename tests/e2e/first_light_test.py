"""From connect to five events, through two real services and a real client."""

import asyncio
import base64
import json
import os
import pathlib
import signal
import socket
import struct
import subprocess
import sys
import unittest

import grpc

sys.path.insert(0, str(pathlib.Path(os.environ["INTERLOCK_SOURCE_DIR"]) / "tests" / "support"))
from stack import BIN, Stack, count  # noqa: E402
from stubs import load_stubs  # noqa: E402
from ws_client import FIVE, Client  # noqa: E402

load_stubs()
from interlock.v1 import connection_pb2, events_pb2, events_pb2_grpc  # noqa: E402

SETUP = ["CONNECTING", "ACCEPTED", "AUTHENTICATED", "SERVICES_READY", "PROCESSING_READY"]


class Watch:
    """`interlockctl watch`, so that states come from the Admin API and not from the test."""

    def __init__(self, stack):
        self.process = subprocess.Popen(
            [str(BIN / "interlockctl"), f"--coordinator=127.0.0.1:{stack.coordinator_port}",
             "--json", "watch"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True)

    async def stands(self, stack):
        """It does once it shows something: until then, one connection after the other is made."""
        shown = asyncio.ensure_future(asyncio.to_thread(self.process.stdout.readline))
        number = 0
        while not shown.done():
            number += 1
            probing = await Client().connect(stack.url(0, session=f"probe{number}"))
            await probing.ready()
            await asyncio.wait([shown], timeout=0.2)
            await probing.close(1000)
        if not shown.result():
            raise AssertionError("the watch ended: " + self.process.stderr.read())

    def steps_until(self, key, state):
        steps = []
        while not steps or steps[-1]["to"] != state:
            line = self.process.stdout.readline()
            if not line:
                raise AssertionError("the watch ended: " + self.process.stderr.read())
            changed = json.loads(line).get("changed", {})
            if changed.get("key") == key:
                steps += changed["transitions"]
        return steps

    def stop(self):
        self.process.terminate()
        self.process.communicate()


def handshake_with_frame(port, query, text):
    """The request and a masked text frame in one packet, before anything was answered."""
    key = base64.b64encode(os.urandom(16)).decode()
    head = (f"GET /ws?{query} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Protocol: interlock.v1\r\n\r\n").encode()
    payload = text.encode()
    mask = os.urandom(4)
    frame = bytes([0x81]) + (
        bytes([0x80 | len(payload)]) if len(payload) < 126
        else bytes([0x80 | 126]) + struct.pack(">H", len(payload)))
    frame += mask + bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))
    raw = socket.create_connection(("127.0.0.1", port), timeout=20)
    raw.sendall(head + frame)
    return raw


def frames_of(raw, enough):
    """Text frames (unmasked) until `enough(frames)`."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += raw.recv(65536)
    head, data = data.split(b"\r\n\r\n", 1)
    assert head.startswith(b"HTTP/1.1 101"), head
    frames = []
    while not enough(frames):
        while True:
            if len(data) < 2:
                break
            length, start = data[1] & 127, 2
            if length == 126:
                if len(data) < 4:
                    break
                length, start = struct.unpack(">H", data[2:4])[0], 4
            if len(data) < start + length:
                break
            if data[0] & 15 == 1:
                frames.append(json.loads(data[start:start + length]))
            data = data[start + length:]
        if not enough(frames):
            more = raw.recv(65536)
            assert more, f"the socket ended after {frames}"
            data += more
    return frames


class FirstLight(unittest.IsolatedAsyncioTestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = Stack(agent_pause="60ms").__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.stack.__exit__(None, None, None)

    async def test_a_client_goes_through_every_state_and_receives_five_events_in_order(self):
        watch = Watch(self.stack)
        self.addCleanup(watch.stop)
        await watch.stands(self.stack)

        client = await Client().connect(self.stack.url(0, session="light", states=1))
        await client.ready()
        steps = watch.steps_until("anonymous:light", "PROCESSING_READY")
        self.assertEqual([step["to"] for step in steps], SETUP)
        self.assertEqual([frame["state"] for frame in client.of_type("state")][:5], SETUP)

        await client.message("m1")
        await client.wait_events(5)
        self.assertEqual(client.events(), list(zip(range(1, 6), FIVE)))
        self.assertEqual([frame["id"] for frame in client.of_type("ack")], ["m1"])
        runs = {frame["run"] for frame in client.of_type("event") if "seq" in frame}
        self.assertEqual(len(runs), 1)
        steps = watch.steps_until("anonymous:light", "PROCESSING_READY")
        self.assertEqual([step["to"] for step in steps], ["PROCESSING", "PROCESSING_READY"])
        await client.ack(5)
        await client.close()
        steps = watch.steps_until("anonymous:light", "CLOSED")
        self.assertEqual([step["to"] for step in steps], ["CLOSING", "CLOSED"])

    async def test_a_session_cut_in_the_middle_of_a_run_goes_on_through_the_other_gateway(self):
        first = await Client().connect(self.stack.url(0, session="cut"))
        await first.ready()
        await first.message("m1")
        await first.wait_events(2)
        await first.cut()
        seen = first.events()
        self.assertLess(len(seen), 5, "the cut came after the run had ended: it proves nothing")

        last = seen[-1][0]
        second = await Client().connect(self.stack.url(
            1, session="cut", last_seq=last, gen=first.hello["generation"], try_=1).replace(
                "try_", "try"))
        await second.ready()
        self.assertTrue(second.hello["resumed"])
        self.assertEqual(second.hello["next_seq"], last + 1)
        self.assertGreater(second.hello["generation"], first.hello["generation"])
        await second.wait_events(5 - len(seen))
        self.assertEqual(seen + second.events(), list(zip(range(1, 6), FIVE)))
        await second.close()
        count("e2e.resumes", 1)

    async def test_a_message_in_the_packet_of_the_handshake_is_processed_once_after_ready(self):
        message = json.dumps({"type": "message", "id": "early", "data": {"text": "hi"}})
        raw = await asyncio.to_thread(
            handshake_with_frame, self.stack.gateway_ports[0], "session=early", message)
        frames = await asyncio.to_thread(
            frames_of, raw, lambda all: sum("seq" in frame for frame in all) >= 5)
        raw.close()
        kinds = [frame["type"] for frame in frames]
        self.assertEqual(kinds[:2], ["hello", "ready"])
        self.assertEqual(kinds.count("ack"), 1)
        events = [(frame["seq"], frame["event"]) for frame in frames if "seq" in frame]
        self.assertEqual(events, list(zip(range(1, 6), FIVE)))
        # The run is over: had the message been taken twice, its events would follow.
        record = self.stack.ctl("get", "anonymous:early")[0]
        self.assertEqual(int(record["last_seq"]), 5)

    def publish(self, session, payload):
        """As a backend does, outside of any run; the receipt."""
        with grpc.insecure_channel(f"127.0.0.1:{self.stack.coordinator_port}") as channel:
            return events_pb2_grpc.EventsStub(channel).Publish(events_pb2.PublishRequest(
                key=f"anonymous:{session}", type="note", payload=json.dumps(payload).encode(),
                idempotency_key=f"{session} {payload}"), timeout=20)

    async def test_an_event_published_during_the_setup_is_replayed_before_ready(self):
        # The backend is stopped, so setup waits for its Open.
        self.stack.agent.process.send_signal(signal.SIGSTOP)
        try:
            client = await Client().connect(self.stack.url(0, session="setup", states=1))
            await client.wait(lambda c: c.of_type("hello"), "hello")
            receipt = await asyncio.to_thread(self.publish, "setup", "early")
            self.assertEqual(receipt.sequence, 1)
            self.assertEqual(connection_pb2.State.Name(receipt.state), "AUTHENTICATED")
            # The answer to a ping comes behind whatever would have been sent before.
            await client.send(type="ping")
            await client.wait(lambda c: c.of_type("pong"), "pong")
            self.assertEqual(client.events(), [])
        finally:
            self.stack.agent.process.send_signal(signal.SIGCONT)
        await client.ready()
        said = [frame.get("state", frame["type"]) if frame["type"] == "state" else frame["type"]
                for frame in client.frames]
        self.assertEqual(said[said.index("PROCESSING_READY"):],
                         ["PROCESSING_READY", "event", "ready"])
        self.assertEqual(client.events(), [(1, "note")])
        self.assertEqual(client.of_type("ready")[0]["replayed"], 1)
        await client.close()

    async def test_the_newest_claim_owns_the_session_and_the_old_socket_hears_it(self):
        old = await Client().connect(self.stack.url(0, session="tabs"))
        await old.ready()
        new = await Client().connect(self.stack.url(1, session="tabs"))
        await new.ready()
        self.assertEqual(await old.wait_closed(), 4500)
        self.assertGreater(new.hello["generation"], old.hello["generation"])
        await new.message("m1")
        await new.wait_events(5)
        await new.close()

    async def test_a_lost_socket_leaves_the_connection_waiting_for_its_client(self):
        client = await Client().connect(self.stack.url(0, session="lost"))
        await client.ready()
        await client.cut()
        for _ in range(200):
            record = self.stack.ctl("get", "anonymous:lost")[0]
            if record["state"] == "RECONNECTING":
                break
            await asyncio.sleep(0.05)
        self.assertEqual(record["state"], "RECONNECTING")
        self.assertEqual(record["owner"], "")


if __name__ == "__main__":
    unittest.main(verbosity=2)
