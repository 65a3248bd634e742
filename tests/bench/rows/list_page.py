"""Operators look on while everybody is at work: a page must not keep the engine for long."""

import json
import subprocess

import machine
import rounds

WHAT = "the slowest first page of List over 1,000,000 records (one that looks at 20,000 of them)"
UNIT = "ms"
GOAL = 50.0
AT_MOST = True
SIZES = {"many": 1_000_000, "few": 10_000, "pages": 101, "rounds": 3, "budget_s": 120}
SMALL = {"many": 20_000, "few": 1_000, "pages": 3, "rounds": 1, "budget_s": 20}


def measure(sizes, work):
    program = machine.BIN / "bench_list_page"
    if not program.exists():
        raise rounds.Failure(f"there is no {program}")

    def one_round():
        done = subprocess.run(
            [str(program), str(sizes["many"]), str(sizes["few"]), str(sizes["pages"])],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, cwd=work, check=True)
        said = json.loads(done.stdout)
        return rounds.Round(said["searched_ms"], details=said)

    return rounds.run(
        one_round, sizes["rounds"], sizes["budget_s"], lambda: [],
        lambda one: f"{one.figure:.1f} ms; one that is full at once "
                    f"{one.details['page_ms']:.2f} ms, with {sizes['few']:,} records "
                    f"{one.details['few_page_ms']:.2f} ms")
