#!/usr/bin/python3
"""The real processes, killed, paused and cut off, explained by one order of operations a key.

    linearizability_test.py [--runs N] [--seed S] [--seconds S] [--engine rocksdb|postgres|etcd]
    linearizability_test.py --check FILE    checks a history that a failed run has kept

A failed run prints its seed and the history of the key, and keeps it as JSON lines. The seed fixes
what the test does, not when the processes answer. On postgres and etcd there are three coordinators,
and the server, or the leader of three, is killed now and then."""

import argparse
import asyncio
import collections
import contextlib
import importlib
import os
import pathlib
import random
import signal
import sys
import time
import types

sys.path.insert(0, str(pathlib.Path(os.environ["INTERLOCK_SOURCE_DIR"]) / "tests" / "support"))
from etcd import Etcd  # noqa: E402
from postgres import Postgres  # noqa: E402
from stack import BIN, count  # noqa: E402
from stubs import load_stubs  # noqa: E402

from bed import Bed, has_flag  # noqa: E402
from callers import WEIGHTS, Caller  # noqa: E402
from faults import Faults  # noqa: E402
from history import KeyHistory, Leases, Timing, dump, keys_of, load, owners_agree  # noqa: E402
from record_model import NAMES  # noqa: E402
from search import GaveUp, Search, explained  # noqa: E402
from sockets import SocketClient  # noqa: E402
from spoil import WAYS  # noqa: E402

FULL = os.environ.get("INTERLOCK_FULL") == "1"
RUNS = {"rocksdb": 40 if FULL else 6, "postgres": 20 if FULL else 2, "etcd": 20 if FULL else 2}
RUN_S = {"rocksdb": 12, "postgres": 18, "etcd": 18}
COORDINATORS = {"rocksdb": 1, "postgres": 3, "etcd": 3}
SERVERS = {"postgres": Postgres, "etcd": Etcd}
CALM_S = 2
KEYS = len(WEIGHTS)
CALLERS = 6
SOCKETS = 6
KEPT = BIN.parent / "linearizability"
SPOILED_NODES_MAX = 3000  # enough to explain nearly every good one
MUST_HAPPEN = ("kills", "pauses", "cuts", "expiries")


def load_protocol():
    """(messages by file: pb.gateway.ClaimRequest ..., stubs by file: rpc.gateway.GatewayStub ...)"""
    load_stubs()
    files = ("admin", "connection", "gateway")
    return tuple(
        types.SimpleNamespace(**{name: importlib.import_module(f"interlock.v1.{name}_{kind}")
                                 for name in files}) for kind in ("pb2", "pb2_grpc"))


def timing_of(rng, coordinators):
    if not has_flag("interlock-coordinator", "lease_ttl"):
        return Timing()
    ttl = rng.choice([1, 2, 3] if coordinators == 1 else [4, 5, 6])
    return Timing(lease_ttl=ttl, heartbeat=0.3, resume_window=rng.choice([2, 4, 120]), setup=30,
                  retention=rng.choice([2, 600]), coordinators=coordinators)


def flags_of(timing):
    """(the coordinator's, the gateways')"""
    if timing.lease_ttl is None:
        return [], []
    coordinator = [f"--lease_ttl={timing.lease_ttl}s", f"--heartbeat={timing.heartbeat}s",
                   f"--resume_window={timing.resume_window}s", f"--setup_timeout={timing.setup}s",
                   f"--retention={timing.retention}s", "--takeovers_per_minute_max=1000000"]
    gateway = []
    if has_flag("interlock-gateway", "hold_after"):
        gateway = [f"--hold_after={timing.lease_ttl * 2 / 3:.2f}s", "--give_up_after=2s"]
    return coordinator, gateway


class Run:
    """One seed: the lines that its callers noted, and what happened meanwhile."""

    def __init__(self, seed, seconds, loaded_stubs, engine):
        self.seed = seed
        self.engine = engine
        self.seconds = seconds
        self.stubs = loaded_stubs
        self.random = random.Random(seed)
        self.timing = timing_of(self.random, COORDINATORS[engine])
        self.lines = [{"kind": "run", "seed": seed, "timing": vars(self.timing)}]
        self.counts = collections.Counter()
        self.problems = []

    async def happen(self):
        with self.store() as store:
            bed = Bed(*flags_of(self.timing), coordinators=COORDINATORS[self.engine],
                      store=store and store.url)
            async with bed:
                await self.drive(bed, store)
        self.problems += bed.failures
        self.counts["expiries"] += bed.expiries
        self.lines.append({"kind": "gateways", "ids": bed.gateway_ids})

    def store(self):
        """A fresh store that several coordinators can use; None: the embedded one."""
        return SERVERS.get(self.engine, contextlib.nullcontext)()

    def child(self):
        return random.Random(self.random.getrandbits(64))

    async def drive(self, bed, store):
        sessions = [f"s{number}" for number in range(KEYS)]
        keys = [f"anonymous:{session}" for session in sessions]
        callers = [Caller(f"caller-{number}",
                          bed.callers_links[number % len(bed.callers_links)].port, keys, self.stubs,
                          self.child(), self.lines) for number in range(CALLERS)]
        callers.append(Caller("observer", bed.coordinator_ports[-1], keys, self.stubs, self.child(),
                              self.lines, reads_only=True))
        sockets = [SocketClient(f"socket-{number}", bed.gateway_ports, sessions, self.child(),
                                self.lines) for number in range(SOCKETS)]
        faults = Faults(bed, self.child(), self.lines, self.timing.lease_ttl or 2, store)
        stop = asyncio.Event()
        workers = [asyncio.ensure_future(one.run(stop)) for one in callers + sockets]
        try:
            await faults.run(time.monotonic() + self.seconds)
            await asyncio.sleep(CALM_S)
        finally:
            stop.set()
            outcomes = await asyncio.gather(*workers, return_exceptions=True)
        self.problems += [repr(one) for one in outcomes if isinstance(one, BaseException)]
        for key in keys:
            await self.look_once_more(callers[-1], key)
        for one in callers:
            await one.close()
        for one in callers + sockets:
            self.problems += [f"{one.name}: {what}" for what in one.strange]
        self.counts.update(kills=faults.counts["kill"],
                           kills_of_store=faults.counts["kill_store"], pauses=faults.counts["pause"],
                           cuts=faults.counts["cut"] + faults.counts["clog"])

    async def look_once_more(self, observer, key):
        """What stands at the end must be explained by what was done."""
        deadline = time.monotonic() + 15
        while not await observer.get(key):
            if time.monotonic() > deadline:
                self.problems.append(f"{key} could not be read within 15 s of the last fault")
                return

    def check(self):
        """The problems of each key, and those of the run: (key or None, text)."""
        problems = [(None, text) for text in self.problems]
        problems += check_lines(self.lines, self.counts)
        return problems


def check_lines(lines, counts):
    timing = Timing(**lines[0]["timing"])
    leases = Leases(lines, timing)
    problems = [(None, text) for text in (*leases.problems(), *owners_agree(lines))]
    for line in lines:
        if "key" in line:
            counts["operations"] += 1
            told = line.get("told")
            unknown = line["hello"] is None and line["refused"] is None if (
                line["kind"] == "socket") else told is None
            counts["unknown outcomes"] += unknown
            counts["expiries"] += bool(told) and told["answer"] == "gateway expired"
    for key, of_key in sorted(keys_of(lines).items()):
        if problems:
            break  # one is enough, and a search that fails takes its whole time
        history = KeyHistory(of_key, leases, timing)
        try:
            verdict = explained(history.model, history.operations)
        except GaveUp as gave_up:
            problems.append((key, f"the checker gave up {gave_up}: {explain(gave_up.verdict)}"))
            continue
        counts["steps of the checker"] += verdict.nodes
        if not verdict.good:
            problems.append((key, explain(verdict)))
            continue
        spoiled = spoil_and_check(of_key, leases, timing, counts)
        problems += [(key, f"spoiled by {way}, it was still explained") for way in spoiled]
    return problems


def spoil_and_check(lines, leases, timing, counts):
    """The ways in which this history could be spoiled without the checker's noticing."""
    rng = random.Random(len(lines))
    for way in WAYS:
        spoiled = way(lines, rng)
        if spoiled is None:
            continue
        history = KeyHistory(spoiled, leases, timing)
        try:
            if Search(history.model, history.operations, SPOILED_NODES_MAX).run().good:
                yield way.__name__
                continue
        except GaveUp:
            pass  # not explained either
        counts["spoiled histories refused"] += 1


def explain(verdict):
    """What the best order came to, and what could not come next."""
    last = "\n".join(f"    {one if isinstance(one, str) else tell(one)}"
                     for one in verdict.order[-12:])
    blocked = "\n".join(f"    {tell(one)}" for one in verdict.blocked)
    return (f"no order explains it. The longest one ends with\n{last}\n  in the state "
            f"{NAMES[verdict.state.state]}: {verdict.state}\n"
            f"  and none of these can come next:\n{blocked}")


def tell(one):
    answer = "never" if one.answer is None else f"{one.answer:.3f}"
    return f"{one.call:.3f}..{answer} {one.source} {one.kind} claim {one.claim} {one.asked} -> " \
           f"{one.told}"


def report(seed, lines, problems):
    for key, text in problems:
        print(f"seed {seed}: {key or 'the run'}: {text}", flush=True)
    KEPT.mkdir(exist_ok=True)
    path = KEPT / f"seed-{seed}-{int(time.time())}.jsonl"
    dump(lines, path)
    keys = sorted({key for key, _ in problems if key})
    for line in sorted(lines, key=lambda one: one.get("call", one.get("from", 0))):
        if line.get("key") in keys[:1]:
            print(f"  {line}")
    print(f"seed {seed}: kept in {path}; {sys.argv[0]} --check {path}", flush=True)


def run_once(seed, seconds, loaded_stubs, engine, totals):
    begin = time.monotonic()
    run = Run(seed, seconds, loaded_stubs, engine)
    asyncio.run(run.happen())
    happened = time.monotonic()
    problems = run.check()
    counts = run.counts
    print(f"seed {seed}: {'FAILED' if problems else 'explained'}, "
          + ", ".join(f"{number} {name}" for name, number in sorted(counts.items()))
          + f"; ttl {run.timing.lease_ttl}, {happened - begin:.1f} s and "
          f"{time.monotonic() - happened:.1f} s of checking", flush=True)
    totals.update(counts)
    totals["runs"] += 1
    if problems:
        report(seed, run.lines, problems)
    return not problems


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--engine", choices=tuple(RUNS), default="rocksdb")
    parser.add_argument("--check")
    arguments = parser.parse_args()
    if arguments.check:
        problems = check_lines(load(arguments.check), collections.Counter())
        for key, text in problems:
            print(f"{key or 'the run'}: {text}")
        return 1 if problems else 0
    # Whoever ends this test ends its processes too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    totals = collections.Counter()
    loaded = load_protocol()
    failed = 0
    runs = arguments.runs or RUNS[arguments.engine]
    for seed in range(arguments.seed, arguments.seed + runs):
        failed += not run_once(seed, arguments.seconds or RUN_S[arguments.engine], loaded,
                               arguments.engine, totals)
    for name, number in sorted(totals.items()):
        count(f"linearizability.{arguments.engine}.{name.replace(' ', '_')}", number)
    store_kills = ("kills_of_store",) if arguments.engine in SERVERS else ()
    missing = [name for name in MUST_HAPPEN + store_kills if not totals[name]]
    if missing:
        print("never happened: " + ", ".join(missing))
    print(", ".join(f"{number} {name}" for name, number in sorted(totals.items()))
          + f"; {failed} failed")
    return 1 if failed or missing else 0


if __name__ == "__main__":
    sys.exit(main())
