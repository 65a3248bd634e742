"""Transitions over the stores that several coordinators can use, beside plain clients of the same
server: a transition is one accepted Advance through one Attach stream."""

import contextlib

import rounds
import stack
from etcd import Etcd
from postgres import Postgres
from process_tree import children_of
from processes import Asked, Processes, run

KEYS = 1_024            # one transition of each under way
RECORD_BYTES = 250      # about what a record of such a key takes
OUTSTANDING = 64
CHILDREN = 126          # of an etcd Txn, within its --max-txn-ops of 128
NESTED_OUTSTANDING = 4  # more give no more
ROWS = 64               # of a statement


class Servers:
    """One member, or one server: its figures are compared with its own."""

    @staticmethod
    @contextlib.contextmanager
    def started(engine):
        with {"etcd": lambda: Etcd(members=1), "postgres": Postgres}[engine]() as server:
            yield server

    @staticmethod
    def pids(engine, server):
        pid = (server.members[0] if engine == "etcd" else server).process.pid
        return [pid, *children_of(pid)]

    @staticmethod
    def single(engine, server, count):
        """One compare-and-set for each."""
        if engine == "etcd":
            return run("bench_etcd", server.members[0].port, "single", OUTSTANDING, KEYS,
                       RECORD_BYTES, count)["per_s"]
        return run("bench_postgres", server.url, "single", OUTSTANDING, KEYS, RECORD_BYTES,
                   count)["per_s"]

    @staticmethod
    def ceiling(engine, server, count):
        """As many in one write as the server takes."""
        if engine == "etcd":
            return run("bench_etcd", server.members[0].port, "nested", NESTED_OUTSTANDING,
                       2 * KEYS, RECORD_BYTES, count, CHILDREN)["per_s"]
        return run("bench_postgres", server.url, "batched", 1, 4 * KEYS, RECORD_BYTES, count,
                   ROWS)["per_s"]


class Ours:
    """Coordinators, and a stream with its own keys to each."""

    def __init__(self, processes, store, coordinators=1):
        self.coordinators = [processes.coordinator_over(f"coordinator-{number}", store)
                             for number in range(coordinators)]
        self.drivers = []
        for number, coordinator in enumerate(self.coordinators):
            driver = Asked("bench_transitions", coordinator.port,
                           f"c{coordinators}n{number}x{stack.free_port()}",
                           KEYS // coordinators, 1)
            processes.asked.append(driver)
            driver.hear()
            self.drivers.append(driver)

    def per_s(self, count):
        for driver in self.drivers:
            driver.say(str(count // len(self.drivers)))
        return sum(driver.hear()["per_s"] for driver in self.drivers)

    def written(self):
        """(records written or compared, writes to the store) so far."""
        totals = [0, 0]
        for coordinator in self.coordinators:
            for place, name in enumerate(("sum", "count")):
                totals[place] += coordinator.metric(f"interlock_store_commit_entries_{name}")[""]
        return totals


class Transitions:
    """Through one coordinator, compared with what a plain client of the same server reaches."""

    UNIT = "/s"
    AT_MOST = False
    SIZES = {"count": 60_000, "baseline": 20_000, "rounds": 5, "budget_s": 120}
    SMALL = {"count": 3_000, "baseline": 500, "rounds": 1, "budget_s": 30}

    def __init__(self, engine, what, goal, baseline):
        self.engine = engine
        self.WHAT = f"transitions a second through one coordinator on {engine} / {what}"
        self.GOAL = goal
        self.baseline = baseline

    def measure(self, sizes, work):
        with Servers.started(self.engine) as server, Processes(work) as processes:
            ours = Ours(processes, server.url)

            def one_round():
                baseline = self.baseline(self.engine, server, sizes["baseline"])
                before = ours.written()
                figure = ours.per_s(sizes["count"])
                records, writes = (now - was for now, was in zip(ours.written(), before))
                return rounds.Round(figure, baseline, details={
                    "merged": sizes["count"] / max(records, 1), "batch": records / max(writes, 1)})

            return rounds.run(
                one_round, sizes["rounds"], sizes["budget_s"],
                lambda: processes.pids() + Servers.pids(self.engine, server),
                lambda one: f"{one.figure:.0f}/s ({one.details['merged']:.2f} transitions a record "
                            f"written, {one.details['batch']:.0f} records a write), the plain "
                            f"client {one.baseline:.0f}/s")


class SecondCoordinator:
    """Two coordinators with half of the load each, compared with one that has all of it."""

    UNIT = "/s"
    GOAL = 0.85
    AT_MOST = False
    SIZES = {"count": 60_000, "rounds": 5, "budget_s": 120}
    SMALL = {"count": 3_000, "rounds": 1, "budget_s": 30}

    def __init__(self, engine):
        self.engine = engine
        self.WHAT = f"transitions a second through two coordinators on {engine} / through one"

    def measure(self, sizes, work):
        with Servers.started(self.engine) as server, Processes(work) as processes:
            def one_round():
                figures = []
                for coordinators in (1, 2):
                    with Processes(work) as own:
                        figures.append(Ours(own, server.url, coordinators).per_s(sizes["count"]))
                return rounds.Round(figures[1], figures[0])

            return rounds.run(
                one_round, sizes["rounds"], sizes["budget_s"],
                lambda: processes.pids() + Servers.pids(self.engine, server),
                lambda one: f"two {one.figure:.0f}/s, one {one.baseline:.0f}/s")
