"""The runner believes nothing but a whole search: what else spin may say is a failure."""

import unittest

from run_models import events_of, judge_variant, read_report
from searches import SEARCHES, VARIANTS, Variant

WHOLE = """met: takeover
Full statespace search for:
	assertion violations	+
	cycle checks       	- (disabled by -DSAFETY)
	invalid end states	+
State-vector 196 byte, depth reached 98, errors: 0
    30068 states, stored
"""


class Report(unittest.TestCase):
    def read(self, text):
        return read_report("x", text, 0.0)

    def test_a_whole_search_without_error_is_right(self):
        result = self.read(WHOLE)
        self.assertEqual((result.wrong, result.states, result.met), ("", 30068, {"takeover"}))

    def test_a_search_that_was_cut_short_is_wrong(self):
        for sign in ("error: max search depth too small", "pan: out of memory",
                     "pan: reached -DMEMLIM bound", "Warning: Search not completed",
                     "Bit statespace search for:",
                     "pan:1: invalid end state (at depth 5)"):
            self.assertTrue(self.read(WHOLE + sign + "\n").wrong, sign)

    def test_a_report_that_breaks_off_is_wrong(self):
        self.assertTrue(self.read("met: takeover\nSegmentation fault\n").wrong)
        self.assertTrue(self.read("").wrong)

    def test_a_search_of_next_to_nothing_is_wrong(self):
        self.assertTrue(self.read(WHOLE.replace("30068", "3")).wrong)

    def test_a_violated_property_is_named(self):
        text = "violated: generations_rise\n" + WHOLE.replace("errors: 0", "errors: 1")
        result = self.read(text)
        self.assertTrue(result.wrong)
        self.assertEqual(result.violated, "generations_rise")

    def test_a_broken_variant_must_break_its_own_property(self):
        variant = Variant("NO_CAS", "takeovers", "generations_rise")
        self.assertTrue(judge_variant(variant, self.read(WHOLE)))
        other = "violated: legal_step\n" + WHOLE.replace("errors: 0", "errors: 1")
        self.assertTrue(judge_variant(variant, self.read(other)))
        right = "violated: generations_rise\n" + WHOLE.replace("errors: 0", "errors: 1")
        self.assertFalse(judge_variant(variant, self.read(right)))


class Lists(unittest.TestCase):
    def test_every_variant_names_a_search_and_none_stands_twice(self):
        self.assertLessEqual({variant.search for variant in VARIANTS},
                             {search.name for search in SEARCHES})
        self.assertEqual(len({variant.name for variant in VARIANTS}), len(VARIANTS))

    def test_events_are_found_in_the_models(self):
        self.assertIn("takeover", events_of("authority"))
        self.assertIn("swept", events_of("lease"))
        self.assertIn("delivered_again", events_of("outbox"))
        self.assertIn("resume_expired", events_of("lifecycle"))


if __name__ == "__main__":
    unittest.main()
