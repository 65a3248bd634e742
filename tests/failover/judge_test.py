"""The judge of failovers finds what is wrong."""

import unittest

from judge import Record, problems


def good():
    record = Record("k")
    record.granted("a", 10)
    record.operated(10, 1, "ACCEPTED")
    record.granted("b", 20)
    record.old_owner_answered(10, "stale_generation")
    record.operated(20, 1, "ACCEPTED")
    record.operated(20, 2, "AUTHENTICATED")
    return record


SEEN = {"generation": "20", "state": "AUTHENTICATED", "last_op": "2"}


class Judge(unittest.TestCase):
    def check(self, record, seen, *texts):
        found = problems(record, seen)
        self.assertEqual(len(found), len(texts), found)
        for one, text in zip(found, texts):
            self.assertIn(text, one)

    def test_what_is_right_is_right(self):
        self.check(good(), [SEEN, SEEN])

    def test_a_generation_twice(self):
        record = good()
        record.grants[0] = ("a", 20)
        self.check(record, [SEEN], "given twice")

    def test_a_lower_generation(self):
        record = good()
        record.grants[0] = ("a", 30)
        self.check(record, [SEEN], "do not rise")

    def test_an_old_owner_that_is_obeyed(self):
        record = good()
        record.old_owner_answered(10, "done")
        self.check(record, [SEEN], "superseded owner")

    def test_a_lost_transition(self):
        self.check(good(), [SEEN, dict(SEEN, state="ACCEPTED", last_op="1")],
                   "coordinator 1 shows ACCEPTED after operation 1")

    def test_a_lost_grant(self):
        self.check(good(), [dict(SEEN, generation="10"), None], "shows generation 10",
                   "knows nothing")

    def test_nothing_proves_nothing(self):
        self.check(Record("k"), [], "nothing was granted")


if __name__ == "__main__":
    unittest.main()
