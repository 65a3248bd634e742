"""A stream that breaks is cheap: the list is sent, checked and answered in batches."""

import time

import machine
import rounds
from processes import Processes, check

WHAT = "CPU of both sides of attaching again with 10,000 connections held, list answered"
UNIT = "s"
GOAL = 1.0
AT_MOST = True
SIZES = {"connections": 10_000, "trailing_s": 0.3, "rounds": 5, "budget_s": 40}
SMALL = {"connections": 200, "trailing_s": 0.1, "rounds": 1, "budget_s": 5}


def measure(sizes, work):
    with Processes(work) as processes:
        coordinator = processes.coordinator("coordinator")
        [gateway] = processes.holding(coordinator, "gateway", 1, sizes["connections"])
        pids = [coordinator.process.pid, gateway.process.pid]

        def one_round():
            before = [machine.cpu_s(pid) for pid in pids]
            began = time.monotonic()
            check(gateway.tell("reattach"), sizes["connections"])
            took_s = time.monotonic() - began
            time.sleep(sizes["trailing_s"])  # what follows the last answer
            used = [machine.cpu_s(pid) - then for pid, then in zip(pids, before)]
            return rounds.Round(sum(used), details={
                "coordinator_s": used[0], "gateway_s": used[1], "wall_s": took_s})

        return rounds.run(
            one_round, sizes["rounds"], sizes["budget_s"], processes.pids,
            lambda one: f"{one.details['coordinator_s'] * 1e3:.0f} ms coordinator, "
                        f"{one.details['gateway_s'] * 1e3:.0f} ms gateway, after "
                        f"{one.details['wall_s'] * 1e3:.0f} ms")
