"""How many instructions the core's hot paths take, compared with the baseline that is kept beside
this file. Counts do not depend on who else uses the machine, so that a slow-down is seen in the
change that brings it.

    guard.py            compares; the exit status is 1 when a path is off
    guard.py --write    keeps what there is now as the baseline
"""

import argparse
import json
import os
import pathlib
import re
import subprocess
import sys

BASELINE = pathlib.Path(__file__).with_name("baseline.json")
PROGRAM = pathlib.Path(os.environ["INTERLOCK_BIN_DIR"]) / "tests" / "bench_paths"
REPEAT = "bench_paths_repeat"
TOLERANCE = 0.05
RUN_S_MAX = 60


def paths(program=PROGRAM):
    """{name: how often one run repeats it}"""
    said = subprocess.run([program], capture_output=True, text=True, check=True,
                          stdin=subprocess.DEVNULL, timeout=RUN_S_MAX).stdout
    return {name: int(times) for name, times in (line.split() for line in said.splitlines())}


def instructions(name, times, program=PROGRAM):
    """Of the path once, on the average."""
    done = subprocess.run(
        ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null",
         f"--toggle-collect={REPEAT}", program, name],
        capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, timeout=RUN_S_MAX)
    found = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode != 0 or not found or int(found[1]) == 0:
        raise RuntimeError(f"valgrind counted nothing of {name}: {done.stderr[-500:]}")
    return int(found[1]) / times


def judge(counts, baseline, tolerance=TOLERANCE):
    """(lines to print, whether each path is where it was)."""
    lines, good = [], True
    for name in sorted(counts.keys() | baseline.keys()):
        count, was = counts.get(name), baseline.get(name)
        if count is None or was is None:
            verdict = "is not measured any more" if count is None else "has no baseline"
            good = False
            lines.append(f"{name:<16} {verdict}: guard.py --write")
            continue
        ratio = count / was
        off = abs(ratio - 1) > tolerance
        good = good and not off
        verdict = ("" if not off else "  SLOWER" if ratio > 1
                   else "  FASTER: keep it with guard.py --write")
        lines.append(f"{name:<16} {count:>9.0f} instructions, {was:>9.0f} before: "
                     f"{ratio:.3f}{verdict}")
    return lines, good


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--write", action="store_true", help="keep the counts as the baseline")
    options = parser.parse_args()
    counts = {name: round(instructions(name, times)) for name, times in paths().items()}
    if options.write:
        BASELINE.write_text(json.dumps(counts, indent=1, sort_keys=True) + "\n")
    lines, good = judge(counts, json.loads(BASELINE.read_text()))
    print("\n".join(lines))
    print(f"guard: {'every path is within' if good else 'not every path is within'} "
          f"{TOLERANCE:.0%} of its baseline")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
