"""Everybody comes back at once and is owed much: leases are renewed ahead of all that."""

import threading
import time

import rounds
from processes import Processes, run

WHAT = ("the longest that a heartbeat stayed unconfirmed while 1,000 resumed connections were each "
        "replayed 1,000 events")
UNIT = "ms"
GOAL = 1_000
AT_MOST = True
SIZES = {"connections": 1_000, "events": 1_000, "rounds": 1, "budget_s": 240}
SMALL = {"connections": 20, "events": 50, "rounds": 1, "budget_s": 30}

LOOK_S = 0.05


class Heartbeats(threading.Thread):
    """How long the gateway's heartbeats stay unconfirmed, to some 50 ms."""

    def __init__(self, gateway):
        super().__init__(daemon=True)
        self.gateway = gateway
        self.longest_s = LOOK_S  # less cannot be told
        self.confirmed = 0
        self.ended = threading.Event()

    def run(self):
        open_since = None
        over = False
        while not over:
            over = self.ended.wait(LOOK_S)  # a replay may be over before the first look
            # The older number first, so that one that is confirmed in between does not look open.
            confirmed = self._count("interlock_heartbeats_confirmed_total")
            sent = self._count("interlock_heartbeats_sent_total")
            now = time.monotonic()
            if confirmed > self.confirmed or sent == confirmed:
                self.confirmed = confirmed
                open_since = None
            if sent > confirmed and open_since is None:
                open_since = now
            if open_since is not None:
                self.longest_s = max(self.longest_s, now - open_since)

    def _count(self, name):
        return sum(self.gateway.metric(name).values())


def measure(sizes, work):
    pids = []

    def one_round():
        with Processes(work) as processes:
            coordinator = processes.coordinator("coordinator", "--heartbeat=200ms",
                                                "--resume_window=10m")
            gateway = processes.real_gateway(coordinator)
            pids[:] = [coordinator.process.pid, gateway.process.pid]
            run("bench_events", "open", gateway.port, "replay", sizes["connections"])
            run("bench_events", "hold", coordinator.port, "anonymous:replay", "",
                sizes["connections"], sizes["events"], 100)
            heartbeats = Heartbeats(gateway)
            heartbeats.start()
            done = run("bench_events", "resume", gateway.port, "replay", sizes["connections"],
                       sizes["events"])
            heartbeats.ended.set()
            heartbeats.join()
            if heartbeats.confirmed == 0:
                raise rounds.Failure("no heartbeat was confirmed")
            return rounds.Round(heartbeats.longest_s * 1e3, details={
                "replayed": done["count"], "events_per_s": done["count"] * 1e6 / done["took_us"]})

    return rounds.run(
        one_round, sizes["rounds"], sizes["budget_s"], lambda: [],
        lambda one: f"{one.figure:.0f} ms; {one.details['replayed']:,} events replayed, "
                    f"{one.details['events_per_s']:,.0f} a second")
