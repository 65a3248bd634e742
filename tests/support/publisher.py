"""A backend that publishes numbered events to one key, and repeats what it had no answer to."""

import asyncio
import json

import grpc

from stubs import load_stubs

load_stubs()
from interlock.v1 import connection_pb2, events_pb2, events_pb2_grpc  # noqa: E402

CHANNEL = [("grpc.use_local_subchannel_pool", 1), ("grpc.enable_http_proxy", 0),
           ("grpc.enable_retries", 0),
           ("grpc.initial_reconnect_backoff_ms", 50), ("grpc.min_reconnect_backoff_ms", 200),
           ("grpc.max_reconnect_backoff_ms", 200)]
CALL_S_MAX = 5
RETRY_S = 0.02
RUN_EVENTS = 10
UNKNOWN = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)


def refusal_of(error):
    """The typed refusal within a gRPC error; None: it carries none."""
    for name, value in error.trailing_metadata() or ():
        if name == "grpc-status-details-bin":
            refusal = connection_pb2.Refusal()
            status = connection_pb2.ErrorStatus.FromString(value)
            assert status.details[0].Unpack(refusal), status
            return refusal
    return None


def payload_of(place, pad=0):
    return json.dumps({"n": place, "pad": "x" * pad}).encode()


def planned(key, place, pad=0):
    """Event `place` of a key, 1, 2, 3 ...: ten of a run, then ten outside of any, and so on."""
    block, within = divmod(place - 1, RUN_EVENTS)
    payload = payload_of(place, pad)
    if block % 2 == 1:
        return events_pb2.PublishRequest(key=key, type="note", payload=payload,
                                         idempotency_key=f"k{place}")
    kind = {0: "agent_started", RUN_EVENTS - 1: "agent_completed"}.get(within, "tool_executing")
    return events_pb2.PublishRequest(key=key, type=kind, payload=payload, run=f"run{block}",
                                     number=within + 1)


def one_run(key, place, total):
    """Event `place` of one run of `total` events."""
    kind = {1: "agent_started", total: "agent_completed"}.get(place, "tool_executing")
    return events_pb2.PublishRequest(key=key, type=kind, payload=payload_of(place), run="long",
                                     number=place)


class Publisher:
    """One event at a time, each repeated until the coordinator has said what became of it."""

    def __init__(self, port, key, pad=0, plan=planned):
        self.key = key
        self.pad = pad
        self.plan = plan
        self.accepted = 0  # the highest sequence that a receipt named
        self.unknown = 0   # answers that never came
        self.full = 0      # RESOURCE_EXHAUSTED
        self.trouble = ""  # why the last publish was repeated
        self.repeated = 0  # receipts of events that had been accepted already
        self.channel = grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=CHANNEL)
        self.events = events_pb2_grpc.EventsStub(self.channel)

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        await self.channel.close()

    async def ask(self, request, timeout=CALL_S_MAX):
        return await self.events.Publish(request, timeout=timeout)

    async def publish(self, request):
        """The receipt; every answer but those that say nothing, or `full`, is an error."""
        while True:
            try:
                return self.take(await self.ask(request))
            except grpc.aio.AioRpcError as error:
                self.trouble = f"{error.code().name}: {error.details()}"
                if error.code() in UNKNOWN:
                    self.unknown += 1
                elif error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED:
                    self.full += 1
                else:
                    raise
            await asyncio.sleep(RETRY_S)

    def take(self, receipt):
        self.accepted = max(self.accepted, receipt.sequence)
        self.repeated += receipt.repeated
        return receipt

    async def publish_all(self, total, first=1):
        """Event n must get sequence n: one that was taken twice would shift all behind it."""
        for place in range(first, total + 1):
            receipt = await self.publish(self.plan(self.key, place, self.pad))
            assert receipt.sequence == place, f"event {place} has the receipt {receipt}"
