"""From connect() to `ready`, one client after the other and in a storm."""

import rounds
from processes import Processes, run
from rows.sockets import LEAN, Servers


class Floor:
    """What a durable handshake cannot be quicker than: Beast's own accept, a message there and back
    through a stream, and a sync of the disk, one behind the other as a handshake has them. Each of
    them a thousand times in a row is quicker: nothing has gone to sleep meanwhile."""

    def __init__(self, processes, sizes):
        self.processes, self.count = processes, sizes["count"]
        _, self.beast_port = LEAN(processes)
        _, self.calls_port = Servers.baseline("bench_empty_calls")(processes)

    def whole_us(self):
        return run("bench_calls", "floor", self.calls_port, self.count, self.beast_port,
                   self.processes.folder / "sync")["p50_us"]

    def accept_us(self):
        return run("bench_sockets", "handshake", self.beast_port, self.count)["p50_us"]

    def in_a_row(self):
        return {"accept_us": self.accept_us(),
                "stream_us": run("bench_calls", "stream", self.calls_port, self.count)["p50_us"],
                "sync_us": run("bench_fdatasync", self.processes.folder / "sync",
                               self.count)["p50_us"]}


class Handshake:
    """No backend needs to be asked, so that all five steps are one commit."""

    UNIT = "us"
    AT_MOST = True
    SIZES = {"count": 1_000, "rounds": 5, "budget_s": 60}
    SMALL = {"count": 30, "rounds": 1, "budget_s": 20}

    def __init__(self, against, what, goal):
        self.against = against
        self.WHAT = f"from connect() to `ready`, durable, one at a time, p50 / {what}"
        self.GOAL = goal

    def measure(self, sizes, work):
        with Processes(work) as processes:
            _, port = Servers.gateway(processes)
            coordinator = processes.services[0]
            parts = Floor(processes, sizes)
            asks_backend = processes.real_gateway(coordinator,
                                                  f"--backend=127.0.0.1:{processes.echo_backend()}")

            def one_round():
                ours = run("bench_sockets", "handshake", port, sizes["count"])
                two = run("bench_sockets", "handshake", asks_backend.port, sizes["count"])
                baseline_us, details = self.against(parts, coordinator, sizes)
                return rounds.Round(ours["p50_us"], baseline_us, details={
                    "p99_us": ours["p99_us"], "with_backend_us": two["p50_us"], **details})

            return rounds.run(
                one_round, sizes["rounds"], sizes["budget_s"], processes.pids,
                lambda one: f"p50 {one.figure:.0f} us (with a backend to ask, two commits: "
                            f"{one.details['with_backend_us']:.0f}), the baseline "
                            f"{one.baseline:.0f} us")


def floor(parts, _coordinator, _sizes):
    return parts.whole_us(), parts.in_a_row()


def sequential(parts, coordinator, sizes):
    """The same five steps, each a durable unary call that the next one waits for."""
    steps_us = run("bench_calls", "setup", coordinator.port, sizes["count"])["p50_us"]
    accept_us = parts.accept_us()
    return accept_us + steps_us, {"accept_us": accept_us, "steps_us": steps_us}


class Storm:
    """Everybody comes back at once."""

    WHAT = "connections brought to `ready` a second, 64 at once, durable / bare Beast accepts"
    UNIT = "/s"
    GOAL = 0.6
    AT_MOST = False
    SIZES = {"count": 8_000, "at_once": 64, "rounds": 5, "budget_s": 90}
    SMALL = {"count": 200, "at_once": 8, "rounds": 1, "budget_s": 20}

    def measure(self, sizes, work):
        with Processes(work) as processes:
            _, port = Servers.gateway(processes)
            _, beast_port = LEAN(processes)

            def one_round():
                return rounds.Round(*(run("bench_sockets", "storm", one, sizes["count"],
                                          sizes["at_once"])["per_s"] for one in (port, beast_port)))

            return rounds.run(
                one_round, sizes["rounds"], sizes["budget_s"], processes.pids,
                lambda one: f"{one.figure:.0f}/s, bare accepts {one.baseline:.0f}/s")
