"""How much of the fault space an hour of a core covers."""

import itertools
import re
import subprocess

import machine
import rounds

WHAT = "virtual hours that the simulator runs in an hour of one core"
UNIT = "h/core-h"
GOAL = 500.0
AT_MOST = False
SIZES = {"seconds": 8, "rounds": 3, "budget_s": 60}
SMALL = {"seconds": 0.5, "rounds": 1, "budget_s": 5}

_SAID = re.compile(r"([\d.]+) virtual hours, ([\d.]+) virtual hours per core-hour")


def measure(sizes, work):
    program = machine.BIN / "simulate"
    if not program.exists():
        raise rounds.Failure(f"there is no {program}")
    seeds = itertools.count(1, 100_000)  # every round has seeds of its own

    def one_round():
        done = subprocess.run(
            [str(program), "--seconds", str(sizes["seconds"]), "--processes", "1", "--from",
             str(next(seeds))],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, cwd=work, check=False)
        last = (done.stdout.strip().splitlines() or [done.stderr.strip()])[-1]
        said = _SAID.search(last)
        if done.returncode != 0 or said is None:
            # No neighbour's doing, so that it is not repeated.
            raise AssertionError(f"simulate ended with {done.returncode}: {last}")
        return rounds.Round(float(said[2]), details={"virtual_hours": float(said[1]),
                                                     "summary": last})

    return rounds.run(one_round, sizes["rounds"], sizes["budget_s"], lambda: [],
                      lambda one: f"{one.figure:,.0f} virtual hours per core-hour")
