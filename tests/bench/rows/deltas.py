"""Tokens of many agents at once."""

import rounds
from processes import Processes, run

WHAT = "50 token deltas a second on each of 1,000 connections: p99 from when each was to be sent"
UNIT = "ms"
GOAL = 100
AT_MOST = True
SIZES = {"clients": 1_000, "seconds": 8, "rounds": 3, "budget_s": 60}
SMALL = {"clients": 20, "seconds": 1, "rounds": 1, "budget_s": 20}


def measure(sizes, work):
    with Processes(work) as processes:
        coordinator = processes.coordinator("coordinator")
        backend = processes.echo_backend()
        gateway = processes.real_gateway(coordinator, f"--backend=127.0.0.1:{backend}")

        def one_round():
            done = run("bench_events", "deltas", gateway.port, sizes["clients"], sizes["seconds"])
            return rounds.Round(done["p99_us"] / 1e3, details={
                "p50_ms": done["p50_us"] / 1e3, "max_ms": done["max_us"] / 1e3,
                "deltas": done["count"]})

        return rounds.run(
            one_round, sizes["rounds"], sizes["budget_s"], processes.pids,
            lambda one: f"p99 {one.figure:.1f} ms, p50 {one.details['p50_ms']:.1f}, max "
                        f"{one.details['max_ms']:.1f}; all {one.details['deltas']:,} arrived")
