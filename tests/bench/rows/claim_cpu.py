"""A unary call that is durable, beside one that does nothing."""

import machine
import rounds
from processes import Processes, run
from rows.sockets import Servers

WHAT = "CPU of a coordinator for a durable unary Claim, 64 at once / of an empty unary handler"
UNIT = "us"
GOAL = 1.4
AT_MOST = True
SIZES = {"count": 20_000, "at_once": 64, "rounds": 5, "budget_s": 60}
SMALL = {"count": 500, "at_once": 8, "rounds": 1, "budget_s": 20}


def measure(sizes, work):
    with Processes(work) as processes:
        coordinator = processes.coordinator("coordinator")
        pid, port = Servers.baseline("bench_empty_calls")(processes)

        def cpu_us(server, at):
            before = machine.cpu_s(server)
            run("bench_calls", "claims", at, sizes["count"], sizes["at_once"])
            return (machine.cpu_s(server) - before) * 1e6 / sizes["count"]

        def one_round():
            return rounds.Round(cpu_us(coordinator.process.pid, coordinator.port),
                                cpu_us(pid, port))

        return rounds.run(
            one_round, sizes["rounds"], sizes["budget_s"], processes.pids,
            lambda one: f"{one.figure:.1f} us, an empty handler {one.baseline:.1f} us")
