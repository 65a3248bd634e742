"""The coordinator is killed, or told to stop, in the middle of it and started again: nobody loses
anything."""

import asyncio
import os
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(os.environ["INTERLOCK_SOURCE_DIR"]) / "tests" / "support"))
from stack import Stack, count  # noqa: E402
from ws_client import FIVE, Client  # noqa: E402

FULL = os.environ.get("INTERLOCK_FULL") == "1"
CONNECTIONS = 200 if FULL else 60
KILLS = 10 if FULL else 2


def numbers(record):
    return {name: int(record[name]) for name in
            ("generation", "last_seq", "acknowledged", "transitions_total", "last_op")}


class CoordinatorKilled(unittest.IsolatedAsyncioTestCase):
    async def test_clients_end_with_five_of_five_and_nothing_goes_back(self):
        with Stack(agent_pause="150ms") as stack:
            clients = [Client() for _ in range(CONNECTIONS)]

            async def connect(number):
                await clients[number].connect(stack.url(number % 2, session=f"s{number}"))
                await clients[number].ready()

            await asyncio.gather(*(connect(number) for number in range(CONNECTIONS)))
            for kill in range(KILLS):
                await self.run_through_an_end(stack, clients, kill, stack.coordinator.kill)
                count("e2e.coordinator_kills", 1)
            # Told to stop, it tells its gateways to go elsewhere, and ends what is under way.
            await self.run_through_an_end(
                stack, clients, KILLS,
                lambda: self.assertEqual(stack.coordinator.stop(), 0, "it did not end well"))
            count("e2e.coordinator_handovers", 1)
            for gateway in stack.gateways:
                self.assertIn('"why":"drain"', gateway.log_path.read_text())
            await asyncio.gather(*(client.close() for client in clients))
            self.assertEqual({client.code for client in clients}, {1000})
            self.assertEqual(stack.closes().get("1011", 0), 0)

    async def run_through_an_end(self, stack, clients, kill, end):
        """Every client starts a run; the coordinator ends while all of them are under way."""
        done = 5 * kill
        await asyncio.gather(*(client.message(f"m{kill}") for client in clients))
        await asyncio.gather(*(client.wait_events(done + 2) for client in clients))
        before = {record["key"]: numbers(record) for record in await asyncio.to_thread(
            stack.ctl, "list")}
        under_way = sum(len(client.events()) < done + 5 for client in clients)
        self.assertGreater(under_way, 0, "every run was over before the kill: it proves nothing")
        seen_before = [client.events()[-1][0] for client in clients]
        end()
        stack.coordinator.start().wait_ready()
        after = {record["key"]: numbers(record) for record in await asyncio.to_thread(
            stack.ctl, "list")}
        for client, seen in zip(clients, seen_before):
            key = client.hello["key"]
            for name, value in before[key].items():
                self.assertGreaterEqual(after[key][name], value, f"{key}: {name} went back")
            # What a client has seen is durable, whatever the list showed a moment earlier.
            self.assertGreaterEqual(after[key]["last_seq"], seen, key)
        await asyncio.gather(*(client.wait_events(done + 5, timeout=90) for client in clients))
        expected = [(seq, FIVE[(seq - 1) % 5]) for seq in range(1, done + 6)]
        for client in clients:
            self.assertEqual(client.events(), expected)
            self.assertIsNone(client.code, "the socket did not survive the coordinator's restart")
            await client.ack(done + 5)
        for record in await asyncio.to_thread(stack.ctl, "list"):
            self.assertEqual(int(record["generation"]), before[record["key"]]["generation"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
