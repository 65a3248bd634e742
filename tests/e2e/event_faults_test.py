"""Events arrive once and in order while services and publishers fail."""

import asyncio
import os
import pathlib
import signal
import sys
import unittest

import grpc

sys.path.insert(0, str(pathlib.Path(os.environ["INTERLOCK_SOURCE_DIR"]) / "tests" / "support"))
from cut_proxy import DOWN, UP, CutProxy  # noqa: E402
from event_scenario import COORDINATOR, EVENTS, EventTest, Scenario, until  # noqa: E402
from publisher import one_run, refusal_of  # noqa: E402
from stack import free_port  # noqa: E402
from ws_client import Client  # noqa: E402


class Services(EventTest):
    async def test_gateway_killed(self):
        async def kill(scenario):
            gateway = self.stack.gateways[scenario.follower.gateway]
            gateway.kill()
            await asyncio.to_thread(gateway.start().wait_ready)
        await self.check("gateway_killed", 4, kill)

    async def test_gateway_told_to_stop(self):
        async def stop(scenario):
            gateway = self.stack.gateways[scenario.follower.gateway]
            self.assertEqual(await asyncio.to_thread(gateway.stop), 0)
            await asyncio.to_thread(gateway.start().wait_ready)
        await self.check("gateway_stopped", 4, stop)

    async def test_coordinator_killed(self):
        async with Scenario(self.stack, "coordinator_killed") as scenario:
            async def kill_repeatedly():
                for place in self.places(4):
                    await scenario.follower.reached(place)
                    self.stack.coordinator.kill()
                    await asyncio.to_thread(self.stack.coordinator.start().wait_ready)
            await scenario.run(kill_repeatedly())
        self.assertGreater(scenario.publisher.unknown, 0, "no publish met a kill: proves nothing")
        self.judge(scenario, "coordinator_killed", 4, sockets_min=1)
        await self.finished(scenario)


class Paused(EventTest):
    """A gateway that stands still for longer than its lease."""

    coordinator_flags = [*COORDINATOR, "--lease_ttl=3s", "--heartbeat=1s"]

    async def test_gateway_paused_past_its_lease(self):
        left = []

        async def pause(scenario):
            number = scenario.follower.gateway
            idle = await Client().connect(self.stack.url(number, session=f"idle{len(left)}"))
            await idle.ready()
            gateway, old = self.stack.gateways[number], scenario.follower.client
            sockets = len(scenario.follower.sockets)
            gateway.process.send_signal(signal.SIGSTOP)
            try:
                await scenario.follower.connected(sockets + 1)
                await until(lambda: self.stack.ctl("get", idle.hello["key"])[0]["state"]
                            == "RECONNECTING", "the gateway expired")
                before = len(old.events())
            finally:
                gateway.process.send_signal(signal.SIGCONT)
            left.append((before, old))
            self.assertIn(await old.wait_closed(), (4005, 4500))
            self.assertEqual(await idle.wait_closed(), 4005)
            await asyncio.to_thread(gateway.wait_ready)

        await self.check("gateway_paused", 2, pause, silence_s=1)
        for before, old in left:
            self.assertEqual(len(old.events()), before, "it sent events behind its lease")


class Publishers(EventTest):
    async def test_a_publisher_that_forgot_its_place_learns_it_and_goes_on(self):
        learned = {"out_of_order": 0, "already_accepted": 0, "receipt": 0}

        async def learn(publisher, ahead):
            """The last number of the run that was accepted, from what a wrong one is told."""
            request = one_run(publisher.key, EVENTS + 7 if ahead else 1, EVENTS)
            try:
                await publisher.ask(request)
                learned["receipt"] += 1
                return 1  # the first was the last
            except grpc.aio.AioRpcError as error:
                refusal = refusal_of(error)
                if refusal is None:
                    raise
                reason = refusal.WhichOneof("reason")
                learned[reason] += 1
                return getattr(refusal, reason).last_number

        async def publish_in_lives(publisher):
            """Each life ends in the middle of a call, whose outcome nobody knows."""
            last = 0
            for life in range(20):
                end = EVENTS * (life + 1) // 20
                await publisher.publish_all(end - 1, last + 1)
                calling = asyncio.ensure_future(
                    publisher.ask(one_run(publisher.key, end, EVENTS)))
                await asyncio.sleep(0.0005 * life)
                calling.cancel()
                await asyncio.gather(calling, return_exceptions=True)
                last = await learn(publisher, life % 2 == 1)
                self.assertIn(last, (end - 1, end))
            await publisher.publish_all(EVENTS, last + 1)

        async with Scenario(self.stack, "publisher_restarted", plan=one_run) as scenario:
            await scenario.run(publish=publish_in_lives(scenario.publisher))
        self.judge(scenario, "publisher_restarted", 20, sockets_min=1)
        self.assertGreater(min(learned["out_of_order"], learned["already_accepted"]), 5, learned)
        await self.finished(scenario)

    async def test_a_publish_repeated_after_an_unknown_outcome_is_one_event(self):
        proxy = await CutProxy(free_port(), self.stack.coordinator_port).start()
        cuts = {UP: 0, DOWN: 0}

        async def publish_with_cuts(scenario):
            publisher = scenario.publisher
            for place in range(1, EVENTS + 1):
                request = publisher.plan(publisher.key, place)
                taken = None
                if place % (EVENTS // 40) == 0:
                    lost = (UP, DOWN)[sum(cuts.values()) % 2]
                    await self.publish_and_lose(scenario, proxy, lost, request)
                    cuts[lost] += 1
                    taken = lost == DOWN
                receipt = await publisher.publish(request)
                self.assertEqual(receipt.sequence, place)
                if taken is not None:
                    self.assertEqual(receipt.repeated, taken)
        try:
            async with Scenario(self.stack, "unknown_outcome",
                                publisher_port=proxy.port) as scenario:
                await scenario.run(publish=publish_with_cuts(scenario))
        finally:
            await proxy.stop()
        self.assertEqual(cuts, {UP: 20, DOWN: 20})
        self.judge(scenario, "unknown_outcome", 40, sockets_min=1)
        self.assertEqual(scenario.publisher.repeated, 60)  # and 40 to be connected
        await self.finished(scenario)

    async def publish_and_lose(self, scenario, proxy, lost, request):
        """The request (UP), or the answer to it (DOWN), is lost."""
        publisher = scenario.publisher
        await publisher.publish(publisher.plan(publisher.key, publisher.accepted))  # connected
        proxy.clog(lost)
        calling = asyncio.ensure_future(publisher.ask(request))
        if lost == DOWN:
            await scenario.follower.reached(publisher.accepted + 1)
        else:
            await asyncio.sleep(0.01)
        self.assertFalse(calling.done())
        proxy.cut()
        answer, = await asyncio.gather(calling, return_exceptions=True)
        self.assertIsInstance(answer, grpc.aio.AioRpcError)
        proxy.heal()


if __name__ == "__main__":
    unittest.main(verbosity=2)
