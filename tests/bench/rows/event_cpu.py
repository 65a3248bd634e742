"""What a gateway needs to hand an event to its client."""

import machine
import rounds
from processes import Processes, run

WHAT = "CPU of the gateway for an event, to distinct clients in turn / one send() for each"
UNIT = "us"
GOAL = 1.4
AT_MOST = True
SIZES = {"clients": 200, "count": 60_000, "bytes": 200, "rounds": 5, "budget_s": 90}
SMALL = {"clients": 10, "count": 500, "bytes": 200, "rounds": 1, "budget_s": 20}
HEAD_BYTES = 60  # of our frame around the payload


def measure(sizes, work):
    with Processes(work) as processes:
        coordinator = processes.coordinator("coordinator")
        gateway = processes.real_gateway(coordinator)

        def one_round():
            floor = run("bench_send_loop", sizes["clients"], sizes["count"],
                        sizes["bytes"] + HEAD_BYTES)
            asked = processes.ask("fanout", gateway.port, coordinator.port, sizes["clients"],
                                  sizes["count"], sizes["bytes"])
            asked.hear()
            before_s = machine.cpu_s(gateway.process.pid)
            asked.go_on()
            done = asked.hear()
            used_s = machine.cpu_s(gateway.process.pid) - before_s
            return rounds.Round(used_s * 1e6 / sizes["count"], floor["cpu_us"] / sizes["count"],
                                details={"events_per_s": done["count"] * 1e6 / done["took_us"]})

        return rounds.run(
            one_round, sizes["rounds"], sizes["budget_s"], processes.pids,
            lambda one: f"{one.figure:.1f} us, a send() {one.baseline:.1f} us; "
                        f"{one.details['events_per_s']:,.0f} events/s")
