"""What watches the transitions must find what is wrong with them."""

import os
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(os.environ["INTERLOCK_SOURCE_DIR"]) / "tests" / "support"))
from audit import Audit, table  # noqa: E402

SETUP = ["CONNECTING", "ACCEPTED", "AUTHENTICATED", "SERVICES_READY", "PROCESSING_READY"]


def audited(*states):
    """A history that went through these."""
    audit = Audit(0)
    audit._allowed = table()  # pylint: disable=protected-access
    for number, after in enumerate(states, 1):
        audit.check("key", number, states[max(number - 2, 0)], after)
    return audit


class Audits(unittest.TestCase):
    def test_a_good_history_has_no_problem(self):
        audit = audited(*SETUP, "PROCESSING", "RECONNECTING", "PROCESSING_READY", "CLOSING",
                        "CLOSED", *SETUP)
        self.assertEqual((audit.problems, audit.checked), ([], 15))

    def test_an_illegal_jump_is_found(self):
        self.assertEqual(len(audited("CONNECTING", "SERVICES_READY").problems), 1)

    def test_a_new_machine_in_place_of_a_living_one_is_found(self):
        self.assertEqual(len(audited(*SETUP, "CONNECTING").problems), 1)

    def test_a_step_that_does_not_begin_where_the_last_one_ended_is_found(self):
        for order in ((5, 6), (6, 5)):  # as a history and as a watch that goes on bring them
            audit = audited()
            steps = {5: ("SERVICES_READY", "PROCESSING_READY"), 6: ("IDLE", "PROCESSING")}
            for number in order:
                audit.check("key", number, *steps[number])
            self.assertEqual(len(audit.problems), 1, order)

    def test_what_was_seen_is_not_counted_twice(self):
        audit = audited("CONNECTING", "ACCEPTED")
        audit.check("key", 2, "CONNECTING", "ACCEPTED")
        self.assertEqual((audit.checked, audit.problems), (2, []))


if __name__ == "__main__":
    unittest.main(verbosity=2)
