"""An event, from its publisher to the client's socket, once it is on the disk."""

import rounds
from processes import Processes, run

WHAT = ("publish to client, durable, one at a time, p50 / (two relays over TCP and one fdatasync), "
        "p50")
UNIT = "us"
GOAL = 1.4
AT_MOST = True
SIZES = {"count": 3_000, "bytes": 200, "rounds": 5, "budget_s": 60}
SMALL = {"count": 50, "bytes": 200, "rounds": 1, "budget_s": 20}


def measure(sizes, work):
    with Processes(work) as processes:
        coordinator = processes.coordinator("coordinator")
        gateway = processes.real_gateway(coordinator)

        def one_round():
            floor = run("bench_relay", sizes["count"], sizes["bytes"], processes.folder / "relay")
            ours = run("bench_events", "durable", gateway.port, coordinator.port, sizes["count"],
                       sizes["bytes"])
            return rounds.Round(ours["p50_us"], floor["p50_us"], details={
                "p99_us": ours["p99_us"], "floor_p99_us": floor["p99_us"]})

        return rounds.run(
            one_round, sizes["rounds"], sizes["budget_s"], processes.pids,
            lambda one: f"p50 {one.figure:.0f} us (p99 {one.details['p99_us']:.0f}), the floor's "
                        f"{one.baseline:.0f} us (p99 {one.details['floor_p99_us']:.0f})")
