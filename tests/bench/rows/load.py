"""How long a coordinator reads a full store before it serves."""

import base64
import pathlib
import subprocess
import time

import rounds
from etcd import Etcd
from postgres import PROGRAMS, Postgres
from processes import Asked, Processes, run
from rows.engines import Servers

RECORD_KEYS = "c/user.load."  # as the coordinator's keys of connections


class Load:
    """Copies of one record under many keys, read by a coordinator and by a plain client."""

    UNIT = "s"
    GOAL = 3
    AT_MOST = True
    SIZES = {"records": 1_000_000, "rounds": 3, "budget_s": 240}
    SMALL = {"records": 3_000, "rounds": 1, "budget_s": 30}

    def __init__(self, engine):
        self.engine = engine
        self.WHAT = f"a coordinator's start over 1,000,000 records on {engine} / a raw read of them"

    def measure(self, sizes, work):
        server = Postgres() if self.engine == "postgres" else Etcd(
            members=1, flags=("--quota-backend-bytes", str(8 << 30)))
        with server, Processes(work) as processes:
            first = processes.coordinator_over("first", server.url)
            driver = Asked("bench_transitions", first.port, "one", 1, 1)
            processes.asked.append(driver)
            driver.hear()
            driver.say("16")  # so that its history is full
            driver.hear()
            copies = Copies[self.engine](server, processes.folder)
            copies.make(sizes["records"])

            def one_round():
                raw_s = copies.read(sizes["records"])
                began = time.monotonic()
                coordinator = processes.coordinator_over(f"c{time.monotonic_ns()}", server.url)
                ours_s = time.monotonic() - began
                coordinator.kill()
                return rounds.Round(ours_s, raw_s)

            return rounds.run(
                one_round, sizes["rounds"], sizes["budget_s"],
                lambda: processes.pids() + Servers.pids(self.engine, server),
                lambda one: f"ready after {one.figure:.1f} s, the raw read {one.baseline:.1f} s")


class PostgresCopies:
    def __init__(self, server, _):
        self.server = server

    def make(self, count):
        self.server.sql(
            "INSERT INTO interlock_records SELECT convert_to("
            f"'{RECORD_KEYS}' || lpad(i::text, 8, '0') || ':s', 'UTF8'), revision, bytes "
            f"FROM generate_series(1, {count}) AS i, (SELECT revision, bytes FROM "
            "interlock_records WHERE convert_from(key, 'UTF8') LIKE 'c/%' LIMIT 1) AS one")
        self.server.sql("VACUUM ANALYZE interlock_records")

    def read(self, _):
        began = time.monotonic()
        subprocess.run(
            [PROGRAMS / "psql", "-h", "127.0.0.1", "-p", str(self.server.port), "-U", "admin", "-d",
             "interlock", "-qc", "\\copy interlock_records TO '/dev/null' (FORMAT binary)"],
            check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, cwd="/")
        return time.monotonic() - began


class EtcdCopies:
    """`interlock/r<key>` is where the store keeps a record."""

    def __init__(self, server, folder):
        self.server = server
        self.value = pathlib.Path(folder) / "record"
        member = server.members[0]
        begin, end = (base64.b64encode(key).decode() for key in (b"interlock/rc/", b"interlock/rc0"))
        kvs = member.call("/v3/kv/range", {"key": begin, "range_end": end, "limit": 1})["kvs"]
        self.value.write_bytes(base64.b64decode(kvs[0]["value"]))

    def make(self, count):
        run("bench_etcd", self.server.members[0].port, "fill", f"interlock/r{RECORD_KEYS}", count,
            self.value)

    def read(self, count):
        return run("bench_etcd", self.server.members[0].port, "read", "interlock/r",
                   count)["seconds"]


Copies = {"postgres": PostgresCopies, "etcd": EtcdCopies}
