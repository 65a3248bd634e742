"""A client's message, through its gateway to the backend, and the transient event back."""

import rounds
from processes import Processes, run

WHAT = ("message to transient event, client - gateway - backend and back, one at a time, p50 / "
        "(two relays over TCP), p50: three hops there, four here")
UNIT = "us"
GOAL = 1.6
AT_MOST = True
SIZES = {"count": 3_000, "bytes": 200, "rounds": 5, "budget_s": 60}
SMALL = {"count": 50, "bytes": 200, "rounds": 1, "budget_s": 20}


def measure(sizes, work):
    with Processes(work) as processes:
        coordinator = processes.coordinator("coordinator")
        backend = processes.echo_backend()
        gateway = processes.real_gateway(coordinator, f"--backend=127.0.0.1:{backend}")

        def one_round():
            floor = run("bench_relay", sizes["count"], sizes["bytes"])
            ours = run("bench_events", "transient", gateway.port, sizes["count"])
            return rounds.Round(ours["p50_us"], floor["p50_us"], details={
                "p99_us": ours["p99_us"], "floor_p99_us": floor["p99_us"]})

        return rounds.run(
            one_round, sizes["rounds"], sizes["budget_s"], processes.pids,
            lambda one: f"p50 {one.figure:.0f} us (p99 {one.details['p99_us']:.0f}), the floor's "
                        f"{one.baseline:.0f} us (p99 {one.details['floor_p99_us']:.0f})")
