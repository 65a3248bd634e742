"""Runs the rows, prints the table, and says with its exit status whether every goal was met."""

import argparse
import os
import pathlib
import shutil
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(os.environ["INTERLOCK_SOURCE_DIR"]) / "tests" / "support"))
import machine  # noqa: E402
import picture  # noqa: E402
import report  # noqa: E402
import rows  # noqa: E402
import rounds  # noqa: E402


def parse_arguments(arguments):
    parser = argparse.ArgumentParser(prog="tests/bench/run.sh", description=__doc__)
    parser.add_argument("--list", action="store_true", help="say which rows there are")
    parser.add_argument("--all", action="store_true", help="every row, whatever time it takes")
    parser.add_argument("--small", action="store_true", help="numbers that test only the tool")
    parser.add_argument("--goal", action="append", default=[], metavar="ROW=NUMBER",
                        help="another goal for this run")
    parser.add_argument("--output", type=pathlib.Path, default=pathlib.Path("build/bench"),
                        help="the folder of results.json and results.svg")
    parser.add_argument("--within", type=int, default=1500, metavar="SECONDS",
                        help="what is not measured by then has failed")
    parser.add_argument("rows", nargs="*", metavar="ROW")
    options = parser.parse_args(arguments)
    for name in options.rows:
        if name not in rows.ALL:
            parser.error(f"there is no row '{name}'; known: {' '.join(rows.ALL)}")
    goals = {}
    for text in options.goal:
        name, _, number = text.partition("=")
        try:
            goals[name] = float(number)
        except ValueError:
            parser.error(f"--goal {text}: a row, '=' and a number")
        if name not in rows.ALL:
            parser.error(f"--goal {text}: there is no row '{name}'")
    options.goals = goals
    return options


def out_of_time(*_):
    raise AssertionError("the time of the whole run is over")


def run_row(name, row, options, work, deadline):
    """A report.Result, also when the row could not be measured."""
    goal = options.goals.get(name, row.GOAL)
    began = time.monotonic()
    left_s = max(deadline - began, 0)
    print(f"-- {name}: {row.WHAT} ({left_s:.0f} s left for all)", flush=True)
    try:
        if began >= deadline:
            out_of_time()
        signal.setitimer(signal.ITIMER_REAL, deadline - began)
        measured = row.measure(row.SMALL if options.small else row.SIZES, work)
        result = report.Result.of(name, row, goal, measured)
    except (rounds.Failure, OSError, AssertionError) as error:
        result = report.Result.failed(name, row, goal, str(error))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    result.took_s = time.monotonic() - began
    print(f"   {result.sentence()}", flush=True)
    return result


def main(arguments):
    options = parse_arguments(arguments)
    if options.list:
        for name, row in rows.ALL.items():
            print(f"{name:<16} {row.WHAT}")
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is ended
    signal.signal(signal.SIGALRM, out_of_time)
    deadline = time.monotonic() + options.within
    options.output.mkdir(parents=True, exist_ok=True)
    work = options.output / "work"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    try:
        facts = machine.facts(work, syncs=50 if options.small else 500)
        print(f"-- machine: {report.facts_sentence(facts)}", flush=True)
        results = [run_row(name, rows.ALL[name], options, work, deadline)
                   for name in options.rows or (rows.ALL if options.all else rows.DEFAULT)]
    finally:
        shutil.rmtree(work, ignore_errors=True)
    report.write_json(options.output / "results.json", facts, results, options.small)
    picture.write_svg(options.output / "results.svg", facts, results)
    print()
    print(report.table(results))
    print(f"machine: {report.facts_sentence(facts)}")
    print(f"written: {options.output}/results.json, {options.output}/results.svg")
    print(report.summary(results))
    return 0 if all(result.met for result in results) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
