"""The benchmark runs, reports every field, and its exit status follows its goals. The figures of
so small a run say nothing."""

import json
import os
import pathlib
import subprocess
import tempfile
import unittest

BENCH = pathlib.Path(os.environ["INTERLOCK_SOURCE_DIR"]) / "tests" / "bench"
ROWS = ("lease_upkeep", "expire_gateway", "reattach", "publish_durable", "publish_transient",
        "event_cpu", "deltas", "claim_cpu", "handshake", "handshake_steps", "echo_epoll", "echo_beast",
        "idle_memory", "idle_memory_beast", "idle_cpu", "growth", "restart", "record_memory",
        "idle_outbox", "replay",
        "list_page")
# The simulator has tests of its own.
ENGINE_ROWS = tuple(f"{engine}_{what}" for engine in ("etcd", "postgres")
                    for what in ("single", "ceiling", "second", "feed_lag", "load"))
ENGINE_ROWS += ("transitions_etcd", "transitions_redis", "storm", "path_rate")
FIELDS = {"name", "what", "unit", "goal", "at_most", "figure", "baseline", "value", "low", "high",
          "bound", "bound_what", "met", "failure", "rounds", "took_s"}


def run(folder, *arguments):
    """(exit status, lines on stdout) of a small run."""
    done = subprocess.run(
        ["/usr/bin/python3", str(BENCH / "bench.py"), "--small", "--output", folder, *arguments],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=240, check=False)
    assert done.stdout, done.stderr
    return done.returncode, done.stdout.strip().splitlines()


def goals(value):
    return [f"--goal={name}={value}" for name in ROWS]


class Smoke(unittest.TestCase):
    def test_rows_over_servers(self):
        with tempfile.TemporaryDirectory() as folder:
            met = [f"--goal={name}={1e9 if name.endswith(('lag', 'load')) else 0}" for name in ENGINE_ROWS]
            status, lines = run(folder, *met, *ENGINE_ROWS)
            self.assertEqual(status, 0, lines)
            results = json.loads((pathlib.Path(folder) / "results.json").read_text())
            self.assertTrue(all(row["figure"] > 0 for row in results["rows"]), results)
            missed = [f"--goal={name}={0 if name.endswith(('lag', 'load')) else 1e9}"
                      for name in ENGINE_ROWS[:4]]
            self.assertEqual(run(folder, *missed, *ENGINE_ROWS[:4])[0], 1)

    def test_goals_that_anything_meets_give_0_and_every_field(self):
        with tempfile.TemporaryDirectory() as folder:
            status, lines = run(folder, *goals(1e9), *ROWS)
            self.assertEqual(status, 0, lines)
            self.assertTrue(lines[-1].startswith(f"bench: {len(ROWS)} of {len(ROWS)} goals met: "), lines[-1])
            results = json.loads((pathlib.Path(folder) / "results.json").read_text())
            self.assertEqual([row["name"] for row in results["rows"]], list(ROWS))
            self.assertGreater(results["machine"]["fdatasync"]["p99_us"], 0)
            self.assertGreater(results["machine"]["cores"], 0)
            for row in results["rows"]:
                self.assertEqual(set(row), FIELDS)
                self.assertEqual(row["failure"], "")
                self.assertGreater(row["value"], 0)
                self.assertGreaterEqual(len(row["rounds"]), 1)
            self.assertIn("</svg>", (pathlib.Path(folder) / "results.svg").read_text())
            self.assertFalse((pathlib.Path(folder) / "work").exists())

    def test_a_goal_that_nothing_meets_gives_1(self):
        with tempfile.TemporaryDirectory() as folder:
            status, lines = run(folder, "--goal=reattach=0", "reattach")
            self.assertEqual(status, 1)
            self.assertTrue(lines[-1].startswith("bench: 0 of 1 goals met: "), lines[-1])
            self.assertIn("MISSED", lines[-1])

    def test_what_is_not_measured_in_time_has_failed(self):
        with tempfile.TemporaryDirectory() as folder:
            status, lines = run(folder, "--within=0", *ROWS)
            self.assertEqual(status, 1)
            self.assertTrue(lines[-1].startswith(f"bench: 0 of {len(ROWS)} goals met: "), lines[-1])

    def test_a_row_that_nobody_knows_is_refused(self):
        done = subprocess.run(["/usr/bin/python3", str(BENCH / "bench.py"), "speed"],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=60, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("speed", done.stderr)


if __name__ == "__main__":
    unittest.main()
