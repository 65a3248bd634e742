"""Events that wait cost disk, not memory: payloads do not live in the replica."""

import rounds
from processes import Processes, resident_kib, run

WHAT = ("memory of a coordinator whose 20,000 connections each hold an event of 16 KiB / of 1 KiB: "
        "resident, at the end")
UNIT = "MiB"
GOAL = 1.2
AT_MOST = True
SIZES = {"connections": 20_000, "large": 16_000, "small": 1_000, "rounds": 2, "budget_s": 120}
SMALL = {"connections": 200, "large": 16_000, "small": 1_000, "rounds": 1, "budget_s": 30}


def measure(sizes, work):
    pids = []

    def held(payload_bytes):
        with Processes(work) as processes:
            coordinator = processes.coordinator("coordinator")
            pids[:] = [coordinator.process.pid]
            [gateway] = processes.holding(coordinator, "gateway", 1, sizes["connections"])
            pids.append(gateway.process.pid)
            run("bench_events", "hold", coordinator.port, f"user.{gateway.name}.", ":one-session",
                sizes["connections"], 1, payload_bytes)
            return resident_kib(coordinator.process.pid) / 1024

    def one_round():
        large, small = held(sizes["large"]), held(sizes["small"])
        return rounds.Round(large, small, details={
            "bytes_more": (large - small) * 2**20 / sizes["connections"]})

    return rounds.run(
        one_round, sizes["rounds"], sizes["budget_s"], lambda: [],
        lambda one: f"{one.figure:.0f} MiB with large events, {one.baseline:.0f} MiB with small ones: "
                    f"{one.details['bytes_more']:.0f} bytes a connection more, of "
                    f"{sizes['large'] - sizes['small']:,}")
