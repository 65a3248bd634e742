"""What is made of the rounds: which count, when a goal is met, what the table and picture say."""

import contextlib
import io
import os
import pathlib
import sys
import tempfile
import time
import types
import unittest
import xml.etree.ElementTree

sys.path[:0] = [str(pathlib.Path(os.environ["INTERLOCK_SOURCE_DIR"]) / "tests" / part)
                for part in ("bench", "support")]
import bench  # noqa: E402
import picture  # noqa: E402
import report  # noqa: E402
import rounds  # noqa: E402
from rows import expire_gateway  # noqa: E402

FACTS = {"cores": 2, "processor": "p", "kernel": "k", "memory_gib": 1.0, "load_before": 0.0,
         "fdatasync": {"count": 1, "p50_us": 200, "p99_us": 900}}


def row(at_most=True):
    return types.SimpleNamespace(WHAT="a < b", UNIT="us", AT_MOST=at_most)


def result(values, goal, at_most=True, baseline=None):
    return report.Result.of("r", row(at_most), goal,
                            [rounds.Round(value, baseline) for value in values])


class Results(unittest.TestCase):
    def test_the_median_round_decides_not_the_best(self):
        self.assertFalse(result([1.0, 3.0, 3.0], 2.0).met)
        self.assertTrue(result([1.0, 1.0, 9.0], 2.0).met)
        self.assertEqual(result([1.0, 1.0, 9.0], 2.0).high, 9.0)

    def test_a_goal_that_is_just_reached_is_met_whichever_way_it_counts(self):
        self.assertTrue(result([2.0], 2.0).met)
        self.assertTrue(result([2.0], 2.0, at_most=False).met)
        self.assertFalse(result([1.9], 2.0, at_most=False).met)

    def test_with_a_baseline_the_ratio_is_compared(self):
        one = result([30.0, 50.0], 2.0, baseline=20.0)
        self.assertEqual((one.value, one.low, one.high, one.met), (2.0, 1.5, 2.5, True))

    def test_what_the_machine_allows_is_shown_beside_what_was_reached(self):
        measured = [rounds.Round(30.0, 20.0, bound=bound) for bound in (16.0, 18.0, 10.0)]
        one = report.Result.of("r", types.SimpleNamespace(**vars(row()), BOUND="a bare loop"), 0.7,
                               measured)
        self.assertEqual(one.bound, 0.8)
        self.assertIn("MISSED, at best 0.8 here", one.sentence())
        table = report.table([one, result([1.0], 2.0)])
        self.assertIn("r, at best: a bare loop", table)
        self.assertEqual(table.count("at best:"), 1)
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "results.svg"
            picture.write_svg(path, FACTS, [one, result([1.0], 2.0)])
            self.assertEqual(path.read_text().count("<path"), 1)
            self.assertIn("at best 0.8: a bare loop", path.read_text())

    def test_what_was_not_measured_is_not_met_and_says_why(self):
        one = report.Result.failed("r", row(), 2.0, "no program")
        self.assertFalse(one.met)
        self.assertIn("no program", one.sentence())
        self.assertIn("failed", report.table([one]))
        self.assertIn("0 of 1 goals met", report.summary([one]))

    def test_the_picture_is_well_formed_and_a_missed_goal_stands_out(self):
        met, missed = result([1.0], 2.0), result([3.0], 2.0)
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "results.svg"
            picture.write_svg(path, FACTS, [met, missed, report.Result.failed("r", row(), 2, "x")])
            xml.etree.ElementTree.parse(path)
        self.assertEqual(picture.used_up(met, met.value), 0.5)
        self.assertEqual(picture.used_up(missed, missed.value), 1.5)
        self.assertEqual(picture.used_up(result([1.0], 500.0, at_most=False), 1000.0), 0.5)


class Rounds(unittest.TestCase):
    def run_rounds(self, shares, wanted=2, budget_s=60, failing=()):
        """With a neighbour who uses these shares of the machine, one a round."""
        left = list(shares)

        class Neighbours:
            def __init__(self, _pids):
                pass

            def share(self):
                return left.pop(0)

        real, rounds.machine.Neighbours = rounds.machine.Neighbours, Neighbours
        count = iter(range(100))

        def measure():
            number = next(count)
            if number in failing:
                raise rounds.Failure("it was too slow")
            return rounds.Round(float(number))

        try:
            return rounds.run(measure, wanted, budget_s, lambda: [], lambda _: "measured"), left
        finally:
            rounds.machine.Neighbours = real

    def test_a_disturbed_round_is_repeated(self):
        done, left = self.run_rounds([0.9, 0.0, 0.1])
        self.assertEqual([one.figure for one in done], [1.0, 2.0])
        self.assertEqual(left, [])

    def test_on_a_machine_that_is_never_quiet_the_least_disturbed_ones_count(self):
        done, left = self.run_rounds([0.9, 0.5, 0.7, 0.6, 0.0])
        self.assertEqual([one.figure for one in done], [1.0, 3.0])
        self.assertEqual(left, [0.0])  # no more than twice as many rounds are run

    def test_a_round_that_failed_counts_for_nothing_and_is_repeated_if_it_was_disturbed(self):
        done, _ = self.run_rounds([0.9, 0.0, 0.1], failing={0})
        self.assertEqual([one.figure for one in done], [1.0, 2.0])
        with self.assertRaises(rounds.Failure):
            self.run_rounds([0.0, 0.0, 0.0], failing={0})

    def test_nothing_is_repeated_behind_the_budget(self):
        done, _ = self.run_rounds([0.9, 0.9, 0.0, 0.0], budget_s=-1)
        self.assertEqual(len(done), 2)


class TheTimeOfAWholeRun(unittest.TestCase):
    def run_row(self, deadline):
        """(the result, what was printed, how often it was measured)"""
        measured = []
        one = row()
        one.GOAL, one.SIZES = 2.0, None
        one.measure = lambda *_: measured.append(1) or [rounds.Round(1.0)]
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            result = bench.run_row("r", one, bench.parse_arguments([]), None, deadline)
        return result, printed.getvalue(), len(measured)

    def test_it_is_25_minutes_unless_said_otherwise(self):
        self.assertEqual(bench.parse_arguments([]).within, 25 * 60)
        self.assertEqual(bench.parse_arguments(["--within", "60"]).within, 60)

    def test_each_row_says_what_is_left_for_all(self):
        result, printed, measured = self.run_row(time.monotonic() + 1_000.4)
        self.assertIn("-- r: a < b (1000 s left for all)", printed)
        self.assertEqual((result.met, measured), (True, 1))

    def test_what_comes_behind_it_is_not_measured_and_has_failed(self):
        result, printed, measured = self.run_row(time.monotonic() - 1)
        self.assertIn("(0 s left for all)", printed)
        self.assertIn("the time of the whole run is over", result.failure)
        self.assertEqual((result.met, measured), (False, 0))


class ClaimsDuringASweep(unittest.TestCase):
    def test_the_worst_window_is_compared_with_the_median_before(self):
        before = [(at, 1_000) for at in range(0, 1_000_000, 10_000)]
        sweep = [(at, 1_500) for at in range(2_000_000, 2_500_000, 10_000)]
        slow = [(at, 4_000) for at in range(2_500_000, 2_600_000, 10_000)]
        one = expire_gateway.compare(before + sweep + slow, (0, 1_000_000),
                                     (2_000_000, 2_600_000), 1_500_000)
        self.assertEqual((one.figure, one.baseline, one.value), (4.0, 1.0, 4.0))
        self.assertEqual(one.details["median_ms"], 1.5)
        self.assertEqual(one.details["worst_before_ms"], 1.0)
        self.assertEqual(one.details["sweep_s"], 0.6)

    def test_one_slow_claim_is_no_slow_window(self):
        sweep = [(at, 9_000 if at == 50_000 else 1_000) for at in range(0, 100_000, 10_000)]
        self.assertEqual(expire_gateway.worst_median(sweep, 0, 100_000), 1_000)


if __name__ == "__main__":
    unittest.main()
