"""Events for many connections at once: one each in turn, in runs of five, each batch repeated until
every event of it has its receipt."""

import asyncio
import json
import time

import grpc

from stubs import load_stubs
from ws_client import FIVE

load_stubs()
from interlock.v1 import events_pb2, events_pb2_grpc  # noqa: E402

BATCH = 200          # of the 256 that one call may bring
CALL_S_MAX = 5
RETRY_S = 0.05
ROUND_S_MAX = 30
OPTIONS = [("grpc.use_local_subchannel_pool", 1), ("grpc.enable_http_proxy", 0),
           ("grpc.enable_retries", 0), ("grpc.initial_reconnect_backoff_ms", 50),
           ("grpc.max_reconnect_backoff_ms", 200)]


def event(key, place):
    """Event `place` of a key, 1, 2, 3 ...: runs of five, one behind the other."""
    run, number = divmod(place - 1, len(FIVE))
    return events_pb2.PublishRequest(key=key, type=FIVE[number], run=f"run{run}", number=number + 1,
                                     payload=json.dumps({"n": place}).encode())


class Flow:
    def __init__(self, port, keys, round_s=1.0):
        self.keys = keys
        self.round_s = round_s     # between two events of a key
        self.published = 0         # events of each key
        self.unknown = 0           # calls that had no answer
        self.problems = []
        self._channel = grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=OPTIONS)
        self._events = events_pb2_grpc.EventsStub(self._channel)
        self._ending = False
        self._task = asyncio.ensure_future(self._flow())

    async def end(self):
        """At the end of a run; how many events each key has got."""
        self._ending = True
        await self._task
        await self._channel.close()
        return self.published

    async def _flow(self):
        while not (self._ending and self.published % len(FIVE) == 0):
            due = time.monotonic() + self.round_s
            place = self.published + 1
            batches = [self.keys[at:at + BATCH] for at in range(0, len(self.keys), BATCH)]
            for keys in batches:
                await asyncio.wait_for(self._publish(keys, place), ROUND_S_MAX)
            self.published = place
            await asyncio.sleep(max(0, due - time.monotonic()))

    async def _publish(self, keys, place):
        while keys:
            try:
                response = await self._events.PublishBatch(events_pb2.PublishBatchRequest(
                    events=[event(key, place) for key in keys]), timeout=CALL_S_MAX)
            except grpc.aio.AioRpcError as error:
                if error.code() not in (grpc.StatusCode.UNAVAILABLE,
                                        grpc.StatusCode.DEADLINE_EXCEEDED):
                    raise
                self.unknown += 1
                await asyncio.sleep(RETRY_S)
                continue
            keys = self._left(keys, place, response.answers)

    def _left(self, keys, place, answers):
        """Who has no receipt yet."""
        left = []
        for key, answer in zip(keys, answers):
            if answer.WhichOneof("answer") != "receipt":
                left.append(key)
            elif answer.receipt.sequence != place:
                self.problems.append(f"{key}: event {place} has sequence {answer.receipt.sequence}")
        return left
