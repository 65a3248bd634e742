#!/usr/bin/python3
"""Each call that a rollout makes goes wrong in every way in turn, and traffic ends where it should.

Whatever happens, traffic is named at the end (never "latest"), and it is with the revision that the
exit status says: 0 the new one, 1 the old one, 3 somebody else's.
"""

import itertools
import os
import unittest

from rollout_drill import NEW, OLD, Drill, drilled

FULL = os.environ.get("INTERLOCK_FULL") == "1"
ONCE = ("fail", "hang", "nonsense", "done_then_fail", "done_then_hang", "late")
SIGNALS = ("TERM", "HUP", "done_then_INT")
if FULL:
    ONCE += ("silence", "done_then_nonsense")
    SIGNALS += ("INT", "done_then_TERM", "done_then_HUP")
OTHERS = "somebody-elses"
CHANGES = ("replace", "update-traffic")


class Faults(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        happy = Drill(follows_latest=True).run()
        assert happy.status == 0, happy.output
        cls.calls = happy.calls

    def every_call(self, hows, calls=1, **options):
        """[((number, words, how), drill)] of a rollout for each call, which goes wrong so, with the
        calls behind it if there are to be more."""
        numbered = list(enumerate(self.calls, 1))
        return drilled([((number, words, how),
                         Drill(how, number, number + calls - 1, follows_latest=True, **options))
                        for (number, words), how in itertools.product(numbered, hows)])

    def changes(self, number):
        """Whether the call of that number changes something."""
        return number <= len(self.calls) and self.calls[number - 1][2] in CHANGES

    def assert_named(self, drill):
        self.assertNotIn("latest", drill.traffic(), drill.output)

    def assert_safe(self, drill, number):
        """Done, gone back, or refused before anything was changed."""
        if drill.status == 2:
            self.assertEqual((number, drill.traffic()), (1, {"latest": 100}), drill.output)
            self.assertEqual(drill.changes(), [], drill.output)
            return
        expected = {0: {NEW: 100}, 1: {OLD: 100}}
        self.assertIn(drill.status, expected, drill.output)
        self.assertEqual(drill.traffic(), expected[drill.status], drill.output)

    def test_a_call_that_goes_wrong_once(self):
        for (number, words, how), drill in self.every_call(ONCE):
            with self.subTest(number=number, words=words, how=how):
                self.assert_safe(drill, number)
                if not self.changes(number):  # looked at again, and all is well
                    self.assertEqual(drill.status, 0, drill.output)
                elif how not in ("silence", "nonsense", "done_then_nonsense"):
                    self.assertEqual(drill.status, 1, drill.output)

    def test_an_outage_of_gcloud_that_ends_in_time(self):
        for (number, words, _), drill in self.every_call(("fail",), calls=9):
            with self.subTest(number=number, words=words):
                self.assert_safe(drill, number)
                self.assertNotEqual(drill.status, 0, drill.output)

    def test_an_outage_of_gcloud_that_does_not_end_says_what_to_do_by_hand(self):
        for (number, words, _), drill in self.every_call(("fail",), calls=1000, patience="400ms"):
            with self.subTest(number=number, words=words):
                if number == 1:
                    self.assertEqual(drill.status, 2, drill.output)
                    continue
                self.assertEqual(drill.status, 4, drill.output)
                self.assertIn(f"--to-revisions={OLD}=100 --project=p --region=r", drill.output)
                self.assertIn("TRAFFIC IS NOT KNOWN", drill.output)

    def test_an_interruption_at_every_call(self):
        for (number, words, how), drill in self.every_call(SIGNALS):
            with self.subTest(number=number, words=words, how=how):
                self.assert_safe(drill, number)
                if number < len(self.calls):
                    self.assertIn("interrupted by" if drill.status == 1 else "nothing was changed",
                                  drill.output)

    def test_who_interrupts_twice_is_told_to_wait(self):
        moved = next(number for number, words in enumerate(self.calls, 1)
                     if f"--to-revisions={NEW}=25" in words[4])
        drill = Drill("TERM", moved, moved + 3, follows_latest=True).run()
        self.assertEqual((drill.status, drill.traffic()), (1, {OLD: 100}), drill.output)
        self.assertIn("already going back", drill.output)

    def test_traffic_that_somebody_else_sets_meanwhile_stays(self):
        """Unless it is set between our last look and our change: Cloud Run takes the later one."""
        for (number, words, how), drill in self.every_call(("others", "done_then_others")):
            with self.subTest(number=number, words=words, how=how):
                if number == 1 and how == "others":  # it is what the rollout begins with
                    self.assertEqual((drill.status, drill.traffic()), (0, {NEW: 100}), drill.output)
                elif self.changes(number if how == "others" else number + 1):
                    self.assert_safe(drill, number)
                else:
                    last = number == len(self.calls) and how == "done_then_others"
                    self.assertEqual((drill.status, drill.traffic()),
                                     (0 if last else 3, {OTHERS: 100}), drill.output)

    def test_traffic_that_is_set_to_the_latest_revision_meanwhile_is_named_again(self):
        for (number, words, how), drill in self.every_call(("latest", "done_then_latest")):
            with self.subTest(number=number, words=words, how=how):
                if number == len(self.calls) and how == "done_then_latest":
                    continue  # after the last look
                self.assert_named(drill)
                self.assert_safe(drill, number)


if __name__ == "__main__":
    unittest.main(verbosity=2)
