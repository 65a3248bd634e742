"""A coordinator over a rocksdb store that is full: how soon it serves, and what it then holds."""

import base64
import json
import struct
import subprocess
import time

import rounds
import stack
from processes import Asked, Processes, resident_kib, run

PREFIX = "user.one.of.many."  # with ten digits and ":s" a key has 29 bytes
STEPS = 16                    # transitions that a record remembers, all of them there


class Copies:
    """So many records like one that has its whole history, as a store and as a flat file."""

    def __init__(self, processes, records):
        self.processes = processes
        self.url = f"rocksdb:{processes.folder}/many"
        self.flat = processes.folder / "flat"
        exported, multiplied = processes.folder / "one.json", processes.folder / "many.json"
        self._tool("export", self._one(), exported)
        self._multiply(exported, multiplied, records)
        self._tool("import", self.url, multiplied)
        multiplied.unlink()

    def _tool(self, verb, url, file):
        done = subprocess.run([stack.BIN / "interlockctl", "store", verb, url, file],
                              capture_output=True, text=True, check=False,
                              stdin=subprocess.DEVNULL)
        if done.returncode != 0:
            raise rounds.Failure(f"store {verb}: {done.stderr.strip()}")

    def _one(self):
        url = f"rocksdb:{self.processes.folder}/one"
        coordinator = self.processes.coordinator_over("one", url)
        driver = Asked("bench_transitions", coordinator.port, "one", 1, 1)
        try:
            driver.hear()
            driver.say(str(2 * STEPS))
            driver.hear()
        finally:
            driver.end()
        coordinator.stop()
        return url

    def _multiply(self, exported, multiplied, records):
        lines = [json.loads(line) for line in exported.read_text().splitlines()]
        connection = next(line for line in lines if line.get("key", "").startswith("c/"))
        record = base64.b64decode(connection["record"])
        others = [line for line in lines[1:-1] if line is not connection]
        with open(multiplied, "w", encoding="ascii") as many, open(self.flat, "wb") as flat:
            many.write(json.dumps(lines[0]) + "\n")
            for line in others:
                many.write(json.dumps(line) + "\n")
            for number in range(records):
                key = f"c/{PREFIX}{number:010}:s"
                many.write(json.dumps({**connection, "key": key}) + "\n")
                flat.write(struct.pack("=II", len(key), len(record)) + key.encode() + record)
            many.write(json.dumps({**lines[-1], "records": records + len(others)}) + "\n")

    def start(self, name, url):
        """(seconds until it serves, the coordinator)"""
        began = time.monotonic()
        coordinator = self.processes.coordinator_over(name, url)
        return time.monotonic() - began, coordinator


class Restart:
    WHAT = ("a coordinator's start over 1,000,000 records on rocksdb / a raw read of the same bytes "
            "and a map of them")
    UNIT = "s"
    GOAL = 3
    AT_MOST = True
    SIZES = {"records": 1_000_000, "rounds": 5, "budget_s": 120}
    SMALL = {"records": 2_000, "rounds": 1, "budget_s": 30}

    def measure(self, sizes, work):
        with Processes(work) as processes:
            copies = Copies(processes, sizes["records"])

            def one_round():
                raw = run("bench_bare_load", copies.flat)
                if raw["records"] != sizes["records"]:
                    raise rounds.Failure(f"the flat file has {raw['records']} records")
                took_s, coordinator = copies.start(f"c{time.monotonic_ns()}", copies.url)
                coordinator.stop()
                return rounds.Round(took_s, raw["seconds"])

            return rounds.run(one_round, sizes["rounds"], sizes["budget_s"], processes.pids,
                              lambda one: f"ready after {one.figure:.2f} s, the raw read "
                                          f"{one.baseline:.2f} s")


class RecordMemory:
    WHAT = ("a coordinator's memory for each of 1,000,000 connections, their last 16 transitions "
            "included")
    UNIT = "B"
    GOAL = 400
    AT_MOST = True
    SIZES = {"records": 1_000_000, "rounds": 5, "budget_s": 120}
    SMALL = {"records": 20_000, "rounds": 1, "budget_s": 30}

    def measure(self, sizes, work):
        with Processes(work) as processes:
            copies = Copies(processes, sizes["records"])

            def one_round():
                _, empty = copies.start("empty", f"rocksdb:{processes.folder}/empty")
                _, full = copies.start("full", copies.url)
                kib = resident_kib(full.process.pid) - resident_kib(empty.process.pid)
                for coordinator in (empty, full):
                    coordinator.stop()
                return rounds.Round(kib * 1024 / sizes["records"])

            return rounds.run(one_round, sizes["rounds"], sizes["budget_s"], processes.pids,
                              lambda one: f"{one.figure:.0f} bytes a connection")
