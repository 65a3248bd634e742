"""What a publisher or a client must not ask gets its own clear answer and disturbs nobody."""

import itertools
import json
import os
import pathlib
import sys
import unittest

import grpc

sys.path.insert(0, str(pathlib.Path(os.environ["INTERLOCK_SOURCE_DIR"]) / "tests" / "support"))
from event_scenario import EventTest, url_of  # noqa: E402
from follower import numbered  # noqa: E402
from publisher import CHANNEL, Publisher, payload_of, refusal_of  # noqa: E402
from stack import Stack, count  # noqa: E402
from ws_client import Client  # noqa: E402

from interlock.v1 import events_pb2, events_pb2_grpc  # noqa: E402

PAYLOAD_BYTES_MAX = 65_536
CODE = grpc.StatusCode
ROLES = ("gateway", "publisher", "reader", "operator")


class EventInput(EventTest):
    """Each test has a connection of its own; behind whatever it does, that must still work."""

    numbers = itertools.count()

    async def asyncSetUp(self):
        await super().asyncSetUp()
        self.url = url_of(self.stack.gateway_ports[0], f"input{next(self.numbers)}")
        self.client = await (await Client().connect(self.url({}))).ready()
        self.key = self.client.hello["key"]
        self.publisher = Publisher(self.stack.coordinator_port, self.key)
        self.answers = 0

    async def asyncTearDown(self):
        if self.client.code is None:
            await self.good("still works")
            await self.client.close()
        await self.publisher.channel.close()
        count("events.bad_input", self.answers)
        await super().asyncTearDown()

    async def good(self, name):
        """One more event arrives, behind all that came before."""
        before = numbered(self.client.frames)
        receipt = await self.publisher.publish(self.note(idempotency_key=name))
        await self.client.wait_events(len(before) + 1)
        self.assertEqual(numbered(self.client.frames), [*before, receipt.sequence])

    def note(self, **fields):
        fields = {"key": self.key, "type": "note", "payload": payload_of(1),
                  "idempotency_key": "bad", **fields}
        return events_pb2.PublishRequest(**fields)

    async def refused(self, code, reason, **fields):
        """The refusal, after it was checked that it says what it should."""
        with self.assertRaises(grpc.aio.AioRpcError, msg=str(fields)[:200]) as raised:
            await self.publisher.ask(self.note(**fields))
        refusal = refusal_of(raised.exception)
        self.assertEqual(raised.exception.code(), code, raised.exception.details())
        self.assertEqual(refusal and refusal.WhichOneof("reason"), reason)
        self.answers += 1
        return getattr(refusal, reason)

    async def test_a_payload_over_the_limit(self):
        def json_of(size):
            return b'"' + b"x" * (size - 2) + b'"'
        await self.refused(CODE.RESOURCE_EXHAUSTED, "resource_exhausted",
                           payload=json_of(PAYLOAD_BYTES_MAX + 1))
        receipt = await self.publisher.ask(self.note(payload=json_of(PAYLOAD_BYTES_MAX)))
        self.assertEqual(receipt.sequence, 1)
        await self.client.wait_events(1)

    async def test_a_payload_that_is_not_one_json_value_in_utf8(self):
        for payload in (b"", b"{", b"{} {}", b"nonsense", b"[1,]", b"NaN", b'"\xff"', b"\xff",
                        b'"\xed\xa0\x80"', b'"\xc0\xaf"', b'"\x00"', b"[" * 10_000):
            await self.refused(CODE.INVALID_ARGUMENT, "invalid_argument", payload=payload)

    async def test_fields_that_do_not_go_together(self):
        for fields in ({"type": ""}, {"type": "x" * 65}, {"type": "with space"},
                       {"idempotency_key": ""}, {"idempotency_key": "k" * 129}, {"number": 1},
                       {"run": "r", "number": 0}, {"run": "r" * 129, "number": 1}):
            await self.refused(CODE.INVALID_ARGUMENT, "invalid_argument", **fields)

    async def test_a_key_that_is_not_known(self):
        for key in ("anonymous:nobody", "somebody:nothing"):
            await self.refused(CODE.NOT_FOUND, "not_found", key=key)

    async def test_a_connection_that_is_closed(self):
        await self.good("before")
        await self.client.close()
        gone = await self.refused(CODE.FAILED_PRECONDITION, "gone")
        self.assertEqual(gone.state, 11)  # CLOSED
        again = await (await Client().connect(self.url({}))).ready()
        self.assertEqual((await self.publisher.ask(self.note())).sequence, 1, "a new sequence")
        await again.close()

    async def test_numbers_of_a_run_that_skip_or_go_back_and_an_unknown_run(self):
        def step(number, run="r"):
            return {"run": run, "number": number, "type": "tool_executing", "idempotency_key": ""}
        await self.refused(CODE.FAILED_PRECONDITION, "unknown_run", **step(2))
        first = await self.publisher.ask(self.note(**step(1)))
        skips = await self.refused(CODE.OUT_OF_RANGE, "out_of_order", **step(3))
        self.assertEqual(skips.last_number, 1)
        again = await self.publisher.ask(self.note(**step(1)))
        self.assertEqual((again.sequence, again.repeated), (first.sequence, True))
        await self.publisher.ask(self.note(**step(2)))
        back = await self.refused(CODE.ALREADY_EXISTS, "already_accepted", **step(1))
        self.assertEqual((back.last_number, back.last_sequence), (2, 2))
        await self.refused(CODE.FAILED_PRECONDITION, "unknown_run", **step(3, "other"))
        await self.client.wait_events(2)
        self.assertEqual(numbered(self.client.frames), [1, 2])

    async def test_an_acknowledgement_ahead_of_what_was_sent(self):
        await self.good("one")
        await self.client.ack(2)
        await self.client.wait(lambda c: c.of_type("error"), "an error")
        self.assertEqual(self.client.of_type("error")[0]["code"], "INVALID_ARGUMENT")
        await self.client.cut()
        # Had it been believed, the first event would be gone, and a second one with it.
        receipt = await self.publisher.ask(self.note(idempotency_key="two"))
        self.assertEqual(receipt.sequence, 2)
        self.client = await (await Client().connect(self.url({}))).ready()
        self.assertEqual(numbered(self.client.frames), [1, 2])
        self.answers += 1

    async def test_a_position_from_the_future(self):
        await self.good("one")
        generation = self.client.hello["generation"]
        await self.client.cut()
        self.client = await (await Client().connect(self.url(
            {"last_seq": 7, "seq_gen": generation, "gen": generation, "try": 1}))).ready()
        lost, = self.client.of_type("lost")
        self.assertEqual(lost["next_seq"], self.client.hello["next_seq"])
        self.assertEqual(numbered(self.client.frames),
                         list(range(lost["next_seq"], 2)), "what is held comes again")
        self.answers += 1


class Roles(unittest.IsolatedAsyncioTestCase):
    async def test_only_a_publisher_publishes(self):
        stack = Stack(gateways=0, agent=False)
        tokens = stack.folder / "tokens"
        tokens.write_text(json.dumps([{"token": f"secret-of-the-{role}-of-this-test",
                                       "role": role, "subject": role} for role in ROLES]))
        stack.coordinator.command = [
            each for each in stack.coordinator.command if not each.startswith("--auth=")
        ] + ["--auth=token", f"--token_file={tokens}"]
        with stack:
            for role in (*ROLES, None, "nobody"):
                self.assertEqual(await self.publish_as(stack, role), {
                    "publisher": CODE.NOT_FOUND,  # it may ask: there is no such key
                    None: CODE.UNAUTHENTICATED, "nobody": CODE.UNAUTHENTICATED,
                }.get(role, CODE.PERMISSION_DENIED), role)
        count("events.bad_input", len(ROLES) + 1)

    async def publish_as(self, stack, role):
        request = events_pb2.PublishRequest(key="a:b", type="note", payload=b"1",
                                            idempotency_key="k")
        metadata = [("authorization", f"Bearer secret-of-the-{role}-of-this-test")] if role else []
        address = f"127.0.0.1:{stack.coordinator_port}"
        async with grpc.aio.insecure_channel(address, options=CHANNEL) as channel:
            with self.assertRaises(grpc.aio.AioRpcError) as raised:
                await events_pb2_grpc.EventsStub(channel).Publish(
                    request, metadata=metadata, timeout=20)
            return raised.exception.code()


if __name__ == "__main__":
    unittest.main(verbosity=2)
