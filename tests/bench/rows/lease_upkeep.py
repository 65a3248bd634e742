"""Heartbeats and leases cost by the gateway, not by the connection."""

import time

import machine
import rounds
from processes import Processes

WHAT = "CPU of an idle coordinator: 100,000 connections on 10 gateways / 100 connections on 10"
UNIT = "us/s"
GOAL = 2.0
AT_MOST = True
SIZES = {"many": 100_000, "few": 100, "gateways": 10, "settle_s": 8, "idle_s": 20, "rounds": 4,
         "budget_s": 150}
SMALL = {"many": 200, "few": 20, "gateways": 2, "settle_s": 0, "idle_s": 1, "rounds": 1,
         "budget_s": 10}


def measure(sizes, work):
    with Processes(work) as processes:
        many = processes.coordinator("many")
        few = processes.coordinator("few")
        processes.holding(many, "many", sizes["gateways"], sizes["many"])
        processes.holding(few, "few", sizes["gateways"], sizes["few"])
        time.sleep(sizes["settle_s"])  # what the claims left to do in the background

        # Both over the same seconds: no neighbour can meet one of them only.
        def one_round():
            began = time.monotonic()
            before = [machine.cpu_s(one.process.pid) for one in (many, few)]
            time.sleep(sizes["idle_s"])
            after = [machine.cpu_s(one.process.pid) for one in (many, few)]
            took_s = time.monotonic() - began
            figures = [(now - then) * 1e6 / took_s for then, now in zip(before, after)]
            return rounds.Round(*figures)

        return rounds.run(
            one_round, sizes["rounds"], sizes["budget_s"], processes.pids,
            lambda one: f"{one.figure:,.0f} us/s with {sizes['many']:,}, "
                        f"{one.baseline:,.0f} us/s with {sizes['few']}")
