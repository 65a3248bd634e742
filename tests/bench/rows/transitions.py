"""Durable transitions through one Attach stream on rocksdb, beside what keeps state elsewhere."""

import csv
import io
import pathlib
import subprocess

import rounds
import stack
from processes import Asked, Processes
from rows.engines import KEYS, RECORD_BYTES, Servers

# What a record of ours needs at least: its revision is compared and counted on. (-1 goes with any
# revision: redis-benchmark says the same words each time.)
COMPARE_AND_SET = """
local revision = tonumber(redis.call('HGET', KEYS[1], 'revision') or '0')
local expected = tonumber(ARGV[1])
if expected >= 0 and revision ~= expected then return -1 end
redis.call('HSET', KEYS[1], 'revision', revision + 1, 'record', ARGV[2])
return revision + 1
"""


class Redis:
    """One server, which syncs before it answers where it is `durable`."""

    CONNECTIONS = 16
    PIPELINE = 16

    def __init__(self, folder, durable=True):
        self.port = stack.free_port()
        kept = ["--appendonly", "yes", "--appendfsync", "always"] if durable else []
        folder = pathlib.Path(folder) / f"redis-{self.port}"
        folder.mkdir()
        self.process = subprocess.Popen(
            ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "",
             *kept, "--dir", str(folder)],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def __enter__(self):
        for _ in range(200):
            if self._cli("PING").stdout.strip() == "PONG":
                break
        self.script = self._cli("SCRIPT", "LOAD", COMPARE_AND_SET).stdout.strip()
        if len(self.script) != 40:
            self.__exit__()
            raise rounds.Failure(f"redis-server took no script: {self.script}")
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def _cli(self, *words):
        return subprocess.run(["redis-cli", "-p", str(self.port), *words], capture_output=True,
                              text=True, check=False, stdin=subprocess.DEVNULL, timeout=10)

    def pids(self):
        return [self.process.pid]

    def per_s(self, count):
        said = subprocess.run(
            ["redis-benchmark", "-p", str(self.port), "-c", str(self.CONNECTIONS), "-P",
             str(self.PIPELINE), "-n", str(count), "-r", str(KEYS), "--csv", "EVALSHA", self.script,
             "1", "key:__rand_int__", "-1", "x" * RECORD_BYTES],
            capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL, timeout=120)
        return float(next(csv.DictReader(io.StringIO(said.stdout)))["rps"])


class Etcd:
    """One member, one Txn a transition, 64 outstanding."""

    def __init__(self, _):
        self.started = Servers.started("etcd")

    def __enter__(self):
        self.server = self.started.__enter__()
        return self

    def __exit__(self, *error):
        return self.started.__exit__(*error)

    def pids(self):
        return Servers.pids("etcd", self.server)

    def per_s(self, count):
        return Servers.single("etcd", self.server, count)


class Durable:
    UNIT = "/s"
    AT_MOST = False
    BOUND = ("RocksDB alone takes no more of such records from one thread, with a sync for every "
             f"{KEYS:,} of them")
    SIZES = {"count": 200_000, "baseline": 20_000, "rounds": 5, "budget_s": 90}
    SMALL = {"count": 3_000, "baseline": 500, "rounds": 1, "budget_s": 30}

    def __init__(self, server, what, goal, baseline=None):
        self.server = server
        self.WHAT = f"durable transitions a second through one stream on rocksdb / {what}"
        self.GOAL = goal
        if baseline:
            self.SIZES = {**self.SIZES, "baseline": baseline}

    def measure(self, sizes, work):
        with Processes(work) as processes, self.server(processes.folder) as server:
            coordinator = processes.coordinator("coordinator")
            driver = Asked("bench_transitions", coordinator.port, f"t{coordinator.port}", KEYS, 1)
            processes.asked.append(driver)
            alone = Asked("bench_rocksdb", processes.folder / "rocksdb", KEYS, RECORD_BYTES, KEYS)
            processes.asked.append(alone)
            for one in (driver, alone):
                one.hear()

            def per_s(asked):
                asked.say(str(sizes["count"]))
                return asked.hear()["per_s"]

            def one_round():
                return rounds.Round(per_s(driver), server.per_s(sizes["baseline"]),
                                    bound=per_s(alone))

            return rounds.run(
                one_round, sizes["rounds"], sizes["budget_s"],
                lambda: processes.pids() + server.pids(),
                lambda one: f"{one.figure:.0f}/s, the plain client {one.baseline:.0f}/s, RocksDB "
                            f"alone {one.bound:.0f}/s")
