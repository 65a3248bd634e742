#!/usr/bin/python3
"""Whether the simulator notices when a rule of safety is missing.

    variants_test.py SOURCE_FOLDER BUILD_FOLDER [--seconds N] [VARIANT...]

Each patch in variants/ takes one rule out of the program. It is applied to a copy of the sources,
the simulator is built from it, and some seed must fail within so many seconds. The same seeds must
pass with nothing taken out. A patch that no longer applies, or does not compile, is a failure:
mend it. Its first paragraph says what is missing.
"""

import argparse
import concurrent.futures
import os
import queue
import re
import shutil
import subprocess
import sys
import time

WORKERS = 2
VARIANTS_MIN = 18
BUILD_TIMEOUT_S = 1200
COPIED = ("CMakeLists.txt", "CMakePresets.json", "common", "coordinator", "deploy", "gateway",
          "proto", "tests")


class Broken(Exception):
    """The variant cannot be judged: its patch or its build failed."""


def run(command, cwd, timeout_s=BUILD_TIMEOUT_S):
    return subprocess.run(command, cwd=cwd, timeout=timeout_s, text=True, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)


class Copy:
    """One worker's copy of the sources, with a build folder that is kept from run to run."""

    def __init__(self, source, folder):
        self.folder = folder
        self.refresh(source)
        if not os.path.exists(f"{folder}/build/build.ninja"):
            done = run(["cmake", "--preset", "dev"], folder)
            if done.returncode != 0:
                raise Broken("cmake: " + done.stdout[-2000:])

    def refresh(self, source):
        """Only what differs is written, so that only that is compiled again."""
        os.makedirs(self.folder, exist_ok=True)
        wanted = set()
        for name in COPIED:
            top = os.path.join(source, name)
            for path in [top] if os.path.isfile(top) else files_below(top):
                wanted.add(os.path.relpath(path, source))
        for path in wanted:
            copy_if_different(os.path.join(source, path), os.path.join(self.folder, path))
        for name in COPIED:
            for path in files_below(os.path.join(self.folder, name)):
                if os.path.relpath(path, self.folder) not in wanted:
                    os.remove(path)

    def build(self):
        done = run(["ninja", "-C", "build", "-j", "1", "simulate"], self.folder)
        if done.returncode != 0:
            errors = [line for line in done.stdout.splitlines() if "error:" in line]
            raise Broken("it does not compile: " + "; ".join(errors[:3]))

    def patch(self, path, *, reverse):
        command = ["patch", "--strip=1", "--fuzz=0", "--silent", "--no-backup-if-mismatch",
                   f"--input={path}"] + (["--reverse"] if reverse else [])
        done = run(command, self.folder, 60)
        if done.returncode != 0:
            raise Broken("the patch does not apply: " + " ".join(done.stdout.split())[:300])

    def judge(self, patch, seconds):
        """The seed that failed, after how many seconds, and why; or None."""
        self.patch(patch, reverse=False)
        try:
            self.build()
            began = time.monotonic()
            done = run(["build/bin/tests/simulate", "--from", "1", "--seconds", str(seconds)],
                       self.folder, seconds * 10 + 60)
            took_s = time.monotonic() - began
        finally:
            self.patch(patch, reverse=True)
        found = re.search(r"^seed (\d+) FAILED", done.stdout, re.MULTILINE)
        why = re.search(r"^WRONG (.*)", done.stdout, re.MULTILINE)
        if done.returncode == 0:
            return None
        if not found or not why:
            raise Broken(f"the simulator ended with {done.returncode} and named no seed: "
                         + done.stdout[-400:])
        after = re.search(r"^seed \d+ failed after ([\d.]+) s", done.stdout, re.MULTILINE)
        return int(found.group(1)), float(after.group(1)) if after else took_s, why.group(1)


def files_below(folder):
    for where, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in ("__pycache__", "node_modules")]
        for name in names:
            yield os.path.join(where, name)


def copy_if_different(source, target):
    with open(source, "rb") as file:
        wanted = file.read()
    if os.path.exists(target):
        with open(target, "rb") as file:
            if file.read() == wanted:
                return
    os.makedirs(os.path.dirname(target), exist_ok=True)
    shutil.copy(source, target)


def judge_all(names, options, patches):
    """(name, verdict) as they become known; a verdict is as of Copy.judge, or a Broken."""
    copies = queue.Queue()
    for i in range(WORKERS):
        copies.put(Copy(options.source, f"{options.build}/variants/{i}"))

    def judge(name):
        copy = copies.get()
        try:
            return name, copy.judge(f"{patches}/{name}.patch", options.seconds)
        except (Broken, subprocess.TimeoutExpired) as broken:
            return name, broken
        finally:
            copies.put(copy)

    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        waiting = [pool.submit(judge, name) for name in names]
        for done in concurrent.futures.as_completed(waiting):
            yield done.result()


def passes_unchanged(options, seeds):
    done = run([f"{options.build}/bin/tests/simulate", "--from", "1", "--seeds", str(seeds),
                "--processes", str(WORKERS)], options.build)
    print(f"with nothing taken out, seeds 1 to {seeds}: "
          f"{'passed' if done.returncode == 0 else 'FAILED'}", flush=True)
    if done.returncode != 0:
        print(done.stdout[-3000:])
    return done.returncode == 0


def count(name, number):
    path = os.environ.get("INTERLOCK_COUNTS")
    if path:
        with open(path, "a", encoding="utf-8") as file:
            file.write(f"{name} {number}\n")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("source")
    parser.add_argument("build")
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("variants", nargs="*")
    options = parser.parse_args()
    patches = os.path.join(options.source, "tests/simulation/variants")
    every = sorted(name[:-len(".patch")] for name in os.listdir(patches)
                   if name.endswith(".patch"))
    names = options.variants or every
    failures = 0
    last_seed = 1
    for name, verdict in judge_all(names, options, patches):
        if isinstance(verdict, tuple):
            seed, after_s, why = verdict
            last_seed = max(last_seed, seed)
            print(f"{name:40} caught  seed {seed:<6} after {after_s:5.1f} s  {why[:150]}", flush=True)
        else:
            failures += 1
            what = f"BROKEN  {verdict}" if verdict else f"NOT CAUGHT in {options.seconds} s"
            print(f"{name:40} {what}", flush=True)
    if len(every) < VARIANTS_MIN:
        print(f"there are {len(every)} variants; at least {VARIANTS_MIN} are wanted")
        failures += 1
    if not passes_unchanged(options, last_seed):
        failures += 1
    count("simulation.variants_caught", len(names) - failures)
    print(f"{len(names)} variants, {failures} failures")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
