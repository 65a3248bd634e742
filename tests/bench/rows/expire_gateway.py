"""A gateway that dies with all of its connections does not hold up the others."""

import statistics
import threading
import time

import rounds
from processes import Processes

WHAT = ("claims of a gateway while another one's 100,000 connections expire: the worst median of "
        "100 ms / the median before")
UNIT = "ms"
GOAL = 3.0
AT_MOST = True
SIZES = {"connections": 100_000, "claims_per_s": 300, "before_s": 5, "rounds": 3, "budget_s": 150}
SMALL = {"connections": 200, "claims_per_s": 100, "before_s": 1, "rounds": 1, "budget_s": 20}

SWEEP_S_MAX = 60
WINDOW_US = 100_000
WINDOW_SAMPLES_MIN = 5  # fewer have no median worth the name


def measure(sizes, work):
    started = []  # of the round under way

    def one_round():
        with Processes(work) as processes:
            started[:] = [processes]
            return _expire(processes, sizes)

    return rounds.run(
        one_round, sizes["rounds"], sizes["budget_s"],
        lambda: started[0].pids() if started else [],
        lambda one: f"median {one.baseline:.2f} ms before, worst of 100 ms {one.figure:.2f} ms "
                    f"(before: {one.details['worst_before_ms']:.2f}), p99 "
                    f"{one.details['p99_ms']:.1f} ms (before: {one.details['p99_before_ms']:.1f}), "
                    f"swept in {one.details['sweep_s']:.2f} s")


def _expire(processes, sizes):
    coordinator = processes.coordinator("coordinator", "--lease_ttl=6s", "--heartbeat=1s")
    bystander = processes.gateway(coordinator, "bystander")
    bystander.hear()
    [victim] = processes.holding(coordinator, "victim", 1, sizes["connections"])
    time.sleep(1)
    bystander.tell(f"steady {sizes['claims_per_s']}")
    time.sleep(1)  # nobody's first claims count
    began_us = _now_us()
    time.sleep(sizes["before_s"])
    killed_us = _now_us()
    victim.kill()
    sweep = _wait_swept(coordinator, sizes["connections"])
    time.sleep(0.2)
    samples_path = processes.folder / "samples"
    tally = bystander.tell(f"stop {samples_path}")
    if tally["refused"] or tally["lost"]:
        raise rounds.Failure(f"the other gateway's claims came to {tally}")
    with open(samples_path, encoding="ascii") as file:
        samples = [tuple(map(int, line.split())) for line in file]
    return compare(samples, (began_us, killed_us), sweep, killed_us)


def _now_us():
    return time.monotonic_ns() // 1000


def _wait_swept(coordinator, connections):
    """(begin, end) of the sweep, to some 100 ms."""
    deadline = time.monotonic() + SWEEP_S_MAX
    begun_us = None
    pause = threading.Event()
    looked_us = _now_us()
    while time.monotonic() < deadline:
        orphans = coordinator.metric("interlock_connections").get('{state="RECONNECTING"}', 0)
        now_us = _now_us()
        if orphans > 0 and begun_us is None:
            begun_us = looked_us
        if orphans >= connections:
            return begun_us, now_us
        looked_us = now_us
        pause.wait(0.1)
    raise rounds.Failure(f"{orphans:,.0f} of {connections:,} orphans were swept in "
                         f"{SWEEP_S_MAX} s")


def compare(samples, before, sweep, killed_us):
    """A Round out of samples (intended, took) in microseconds, and of the two spans."""
    quiet = [took for at, took in samples if before[0] <= at < before[1]]
    swept = [took for at, took in samples if killed_us <= at < sweep[1]]  # its death is part of it
    if not quiet or not swept:
        raise rounds.Failure("no claim was made before the sweep, or none during it")
    median_us = statistics.median(quiet)
    worst_us = worst_median(samples, killed_us, sweep[1])
    return rounds.Round(worst_us / 1e3, median_us / 1e3, details={
        "worst_before_ms": worst_median(samples, *before) / 1e3,
        "p99_before_ms": quantile(quiet, 0.99) / 1e3,
        "median_ms": statistics.median(swept) / 1e3,
        "p99_ms": quantile(swept, 0.99) / 1e3,
        "max_ms": max(swept) / 1e3,
        "p99_over_median_before": quantile(swept, 0.99) / median_us,
        "expired_after_s": (sweep[0] - killed_us) / 1e6,
        "sweep_s": (sweep[1] - sweep[0]) / 1e6,
        "claims": len(swept)})


def worst_median(samples, begin_us, end_us):
    """The highest median of any window; of all there is when no window has enough."""
    windows = {}
    for at, took in samples:
        if begin_us <= at < end_us:
            windows.setdefault((at - begin_us) // WINDOW_US, []).append(took)
    medians = [statistics.median(window) for window in windows.values()
               if len(window) >= WINDOW_SAMPLES_MIN]
    return max(medians) if medians else statistics.median(
        took for window in windows.values() for took in window)


def quantile(values, part):
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * part), len(ordered) - 1)]
