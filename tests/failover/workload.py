"""Clients, publishers and gateways that are at work while a store fails over."""

import asyncio
import contextlib
import os
import time

import grpc

from event_scenario import COORDINATOR, GATEWAY, url_of
from follower import Follower, problems as frame_problems
from publisher import CHANNEL, UNKNOWN, Publisher, refusal_of
from stack import Stack, count

from interlock.v1 import connection_pb2, gateway_pb2, gateway_pb2_grpc

from judge import Record, problems

CALL_S_MAX = 5
RETRY_S = 0.05
PAUSE_S = 0.02         # between the rounds of a caller, so that there is room for the others
FLOWS = 3
CALLERS = 3
ENDLESS = 10 ** 9
SERVED_S_MAX = 60
# Who takes over a machine in its setup begins another one, so that these follow each grant.
SETUP = ["ACCEPTED", "AUTHENTICATED", "SERVICES_READY"]
FAILOVERS = 20 if os.environ.get("INTERLOCK_FULL") == "1" else 2


def make_stack(store):
    """Three of each; `store` is a URL, or one for each coordinator."""
    return Stack(agent=False, gateways=3, coordinators=3, store=store, pinned=True,
                 coordinator_flags=COORDINATOR, gateway_flags=GATEWAY)


@contextlib.asynccontextmanager
async def started(what):
    """A context manager that blocks, entered and left on other threads."""
    entered = await asyncio.to_thread(what.__enter__)
    try:
        yield entered
    finally:
        await asyncio.to_thread(what.__exit__, None, None, None)


async def fail_repeatedly(test, kind, stack, fault):
    """`fault(work)` ends with the store able to serve again; meanwhile everybody is at work."""
    async with Workload(stack) as work:
        for _ in range(FAILOVERS):
            began = time.monotonic()
            await fault(work)
            await work.served_again()
            work.took_s.append(work.longest_wait_s(began))
        wrong = await work.end()
    print("\n  " + work.summary(kind), flush=True)
    count(f"failover.{kind}", len(work.took_s))
    test.assertEqual(wrong, [])


class Flow:
    """One client and one publisher of its key; events flow until told to end."""

    def __init__(self, stack, number):
        ports = stack.gateway_ports
        session = f"flow{number}"
        self.publisher = Publisher(stack.coordinator_ports[number % len(stack.coordinators)],
                                   f"anonymous:{session}")
        first = number % len(ports)
        self.follower = Follower([url_of(port, session) for port in ports[first:] + ports[:first]],
                                 lambda: self.publisher.accepted, silence_s=10)
        self.ending = False
        self.tasks = []
        self.served = []  # when the client got something new

    async def start(self):
        self.tasks = [asyncio.ensure_future(self.follower.follow(ENDLESS))]
        await asyncio.wait_for(self.follower.connected(1), SERVED_S_MAX)
        self.tasks.append(asyncio.ensure_future(self.publish()))
        self.tasks.append(asyncio.ensure_future(self.note()))

    async def note(self):
        while True:
            await self.follower.reached(len(self.follower.seen) + 1)
            self.served.append(time.monotonic())

    async def publish(self):
        place = 1
        while not self.ending:
            receipt = await self.publisher.publish(
                self.publisher.plan(self.publisher.key, place, 0))
            assert receipt.sequence == place, f"event {place} has the receipt {receipt}"
            place += 1
            await asyncio.sleep(PAUSE_S)

    def describe(self):
        follower = self.follower
        return (f"{self.publisher.key}: {self.publisher.accepted} events accepted "
                f"({self.publisher.unknown} repeated, last {self.publisher.trouble}), "
                f"{len(follower.seen)} seen over {len(follower.sockets)} sockets, "
                f"{follower.refused} refusals, {follower.silences} silences; the last frames are "
                f"{[frame for frame in follower.client.frames[-3:]]}")

    async def served_again(self):
        """An event that was published from now on has arrived."""
        await self.follower.reached(self.publisher.accepted + 2)

    async def end(self):
        """What is wrong with the frames."""
        self.ending = True
        await asyncio.wait_for(self.tasks[1], SERVED_S_MAX)
        total = self.publisher.accepted
        await asyncio.wait_for(self.follower.reached(total), SERVED_S_MAX)
        self.stop()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await self.follower.end()
        await self.publisher.channel.close()
        return frame_problems(self.follower, total)

    def stop(self):
        for task in self.tasks:
            task.cancel()


class Caller:
    """Two gateways that take one key from each other, and move its state; each call goes to another
    coordinator, and is repeated until it was answered. Who has lost the key tries all the same."""

    def __init__(self, stack, number):
        self.key = f"anonymous:caller{number}"
        self.record = Record(self.key)
        self.channels = [grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=CHANNEL)
                         for port in stack.coordinator_ports]
        self.stubs = [gateway_pb2_grpc.GatewayStub(channel) for channel in self.channels]
        self.gateways = [os.urandom(16).hex() for _ in range(2)]
        self.turn = number
        self.rounds = 0
        self.trouble = "none"  # why the last call had to be repeated
        self.served = []  # when a round was over
        self.unknown = 0
        self.ending = False
        self.tasks = []

    def start(self):
        self.tasks = [asyncio.ensure_future(self.run())]

    async def run(self):
        while not self.ending:
            old = self.record.grants[-1] if self.record.grants else None
            await self.claim()
            if old is not None:
                await self.old_owner_tries(*old)
            for op, state in enumerate(SETUP[:1 + self.rounds % len(SETUP)], 1):
                await self.advance(op, state)
            self.rounds += 1
            self.served.append(time.monotonic())
            await asyncio.sleep(PAUSE_S)

    async def ask(self, method, request):
        """The answer, or the typed refusal; what says nothing is asked again."""
        while True:
            self.turn += 1
            stub = self.stubs[self.turn % len(self.stubs)]
            try:
                return await getattr(stub, method)(request, timeout=CALL_S_MAX)
            except grpc.aio.AioRpcError as error:
                refusal = refusal_of(error)
                again = error.code() in UNKNOWN
                if refusal is not None and refusal.WhichOneof("reason") not in (
                        "store_away", "not_now"):
                    return refusal
                if not again:
                    raise
                self.unknown += 1
                self.trouble = f"{method}: {error.code().name}: {error.details()}"
            await asyncio.sleep(RETRY_S)

    async def claim(self):
        gateway = self.gateways[self.rounds % 2]
        answer = await self.ask("Claim", gateway_pb2.ClaimRequest(
            key=self.key, subject="anonymous", gateway_id=gateway, claim_id=os.urandom(16)))
        if isinstance(answer, connection_pb2.Refusal):
            raise AssertionError(f"{self.key} was not granted: {answer}")
        self.record.granted(gateway, answer.generation)

    def operation(self, gateway, generation, op, state):
        return gateway_pb2.OperateRequest(
            key=self.key, gateway_id=gateway, generation=generation,
            operations=[gateway_pb2.Operation(op=op, advance=state)])

    async def advance(self, op, state):
        gateway, generation = self.record.grants[-1]
        answer = await self.ask("Operate", self.operation(gateway, generation, op, state))
        if isinstance(answer, connection_pb2.Refusal):
            raise AssertionError(f"{self.key}: {state} was refused to its owner: {answer}")
        if answer.refused or answer.last_op < op:
            raise AssertionError(f"{self.key}: {state} does not follow: {answer}: what was "
                                 "acknowledged before is lost")
        self.record.operated(generation, op, state)

    async def old_owner_tries(self, gateway, generation):
        answer = await self.ask("Operate", self.operation(gateway, generation, 9, SETUP[0]))
        self.record.old_owner_answered(
            generation, answer.WhichOneof("reason")
            if isinstance(answer, connection_pb2.Refusal) else f"done: {answer}")

    def describe(self):
        return f"{self.key}: {self.rounds} rounds; {self.unknown} repeated, last {self.trouble}"

    async def served_again(self):
        rounds = self.rounds
        while self.rounds < rounds + 2:
            await asyncio.sleep(PAUSE_S)

    async def end(self):
        self.ending = True
        await asyncio.wait_for(self.tasks[0], SERVED_S_MAX)
        for channel in self.channels:
            await channel.close()

    def stop(self):
        for task in self.tasks:
            task.cancel()


class Workload:
    """All of it, over one stack."""

    def __init__(self, stack):
        self.stack = stack
        self.flows = [Flow(stack, number) for number in range(FLOWS)]
        self.callers = [Caller(stack, number) for number in range(CALLERS)]
        self.took_s = []

    async def __aenter__(self):
        await asyncio.gather(*(flow.start() for flow in self.flows))
        for caller in self.callers:
            caller.start()
        await self.served_again()
        return self

    async def __aexit__(self, *_):
        for one in [*self.flows, *self.callers]:
            one.stop()

    async def served_again(self):
        """Everybody has got something that began after this moment."""
        workers = [*self.flows, *self.callers]
        waiting = {asyncio.ensure_future(one.served_again()): one for one in workers}
        working = [task for one in workers for task in one.tasks]
        deadline = time.monotonic() + SERVED_S_MAX
        while waiting and time.monotonic() < deadline:
            done, _ = await asyncio.wait([*waiting, *working], timeout=1,
                                         return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                await task  # what has ended for being wrong says so
                waiting.pop(task, None)
        for task in waiting:
            task.cancel()
        assert not waiting, (f"not served {SERVED_S_MAX} s after failover {len(self.took_s) + 1}: "
                             + "; ".join(one.describe() for one in waiting.values())
                             + self.ended())

    def ended(self):
        """What the processes said that are not there any more."""
        return "".join(f"\n{service.name} has ended with {service.process.poll()}:\n"
                       + service.log_tail(5) for service in self.stack.services()
                       if service.process.poll() is not None)

    def longest_wait_s(self, began):
        """Of whoever waited longest, since then, between one thing that it got and the next."""
        longest = 0
        for one in [*self.flows, *self.callers]:
            times = [began, *(at for at in one.served if at >= began)]
            longest = max([longest, *(late - early for early, late in zip(times, times[1:]))])
        return longest

    async def end(self):
        """Everything that is wrong."""
        wrong = []
        for flow in self.flows:
            wrong += [f"{flow.publisher.key}: {text}" for text in await flow.end()]
        for caller in self.callers:
            await caller.end()
            seen = [await asyncio.to_thread(self.shown, caller.key, number)
                    for number in range(len(self.stack.coordinators))]
            wrong += problems(caller.record, seen)
        closes = self.stack.closes()
        if closes.get("1011", 0):
            wrong.append(f"sockets were closed with 1011: {closes}")
        return wrong

    def shown(self, key, coordinator):
        shown = self.stack.ctl("get", key, "--latest", coordinator=coordinator, check=False)
        return shown[0] if shown else None

    def summary(self, kind):
        took = sorted(self.took_s)
        return (f"{kind}: {len(took)} failovers, nobody waited longer than "
                f"{took[len(took) // 2]:.1f} s (median of all), {took[-1]:.1f} s (at most); "
                f"{sum(flow.publisher.accepted for flow in self.flows)} events, "
                f"{sum(len(caller.record.grants) for caller in self.callers)} grants, "
                f"{sum(len(caller.record.operations) for caller in self.callers)} transitions, "
                f"{sum(len(caller.record.superseded) for caller in self.callers)} tries of old "
                f"owners, {sum(caller.unknown for caller in self.callers)} calls unanswered, "
                f"{sum(len(flow.follower.sockets) for flow in self.flows)} sockets")

