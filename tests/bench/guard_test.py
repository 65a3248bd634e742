"""The core's hot paths take as many instructions as they did, and the guard notices when not."""

import os
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(os.environ["INTERLOCK_SOURCE_DIR"]) / "tests" / "bench" /
                       "guard"))
import guard  # noqa: E402
import json  # noqa: E402


class Guard(unittest.TestCase):
    def test_every_path_is_where_it_was(self):
        counts = {name: guard.instructions(name, times) for name, times in guard.paths().items()}
        lines, good = guard.judge(counts, json.loads(guard.BASELINE.read_text()))
        print("\n" + "\n".join(lines), flush=True)
        self.assertGreaterEqual(len(counts), 10)
        self.assertTrue(good, "\n".join(lines))

    def test_counts_do_not_change_from_run_to_run(self):
        times = guard.paths()["advance"]
        one, two = (guard.instructions("advance", times) for _ in range(2))
        self.assertAlmostEqual(one / two, 1, delta=0.002)

    def test_what_is_off_is_named(self):
        baseline = {"a": 1000, "b": 1000, "c": 1000}
        lines, good = guard.judge({"a": 1049, "b": 1051, "c": 949}, baseline)
        self.assertFalse(good)
        self.assertEqual([("SLOWER" in line, "FASTER" in line) for line in lines],
                         [(False, False), (True, False), (False, True)])
        self.assertTrue(guard.judge({"a": 1000, "b": 951, "c": 1049}, baseline)[1])
        self.assertFalse(guard.judge({"a": 1000, "b": 1000}, baseline)[1], "one has gone")
        self.assertFalse(guard.judge({**baseline, "d": 1}, baseline)[1], "one has come")


if __name__ == "__main__":
    unittest.main(verbosity=2)
